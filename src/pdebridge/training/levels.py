"""The levels of a training that is multilevel in depth (Haber & Ruthotto 2017)."""

from itertools import accumulate, pairwise
from typing import NamedTuple

from pdebridge.configuration.classification import ClassificationCell


class Level(NamedTuple):
    """The epochs ``first, ..., last - 1`` with ``N = steps``."""

    steps: int
    first: int
    last: int


def levels(cell: ClassificationCell) -> list[Level]:
    """Return the levels of a cell from coarse to fine, the network itself last; none where it is the only one."""
    spec, network = cell.training, cell.network
    if not spec.levels:
        return []
    assert network.layout != "published"
    starts = [0, *accumulate(level.epochs for level in spec.levels), spec.epochs]
    steps = [*(level.steps for level in spec.levels), network.steps]
    return [Level(n, *epochs) for n, epochs in zip(steps, pairwise(starts), strict=True)]
