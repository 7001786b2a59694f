"""The schedule of multigrid in time, counted in steps on many processes."""

import math
from typing import Any

import torch

from pdebridge.gradients.line import Line
from pdebridge.gradients.multigrid import Multigrid, PerLevel, strides
from pdebridge.integrators.base import State

COARSEST = 4


class Clock:
    """Steps that take one unit of time each and nothing else, a stack of them as long as ``P`` processes need.

    Args:
        steps: of the level.
        processes: ``P``.
    """

    def __init__(self, steps: int, processes: int) -> None:
        self.steps, self.processes, self.elapsed = steps, processes, 0

    def __call__(self, which: slice, states: State, /) -> State:
        """Let the time of these steps pass."""
        self.elapsed += math.ceil(len(range(self.steps)[which]) / self.processes)
        return states


def chain(
    steps: int, processes: int = 1, factor: PerLevel = 4, relaxations: PerLevel = 1, cycles: int = 1, **options: Any
) -> int:
    """Return the longest chain of steps of one solve on ``P`` processes; its work, on one.

    Communication is not counted.

    Args:
        steps: ``N``.
        processes: ``P``, at any number of which every level is shared evenly.
        factor: coarsening factors ``m`` by level.
        relaxations: ``nu`` by level.
        cycles: number of V-cycles.
        options: of `Multigrid.solve`.
    """
    levels = [Clock(steps // stride, processes) for stride in strides(steps, factor, COARSEST)]
    multigrid = Multigrid(levels, factor, relaxations, "V", Line(shared=False))
    multigrid.solve((torch.zeros(steps + 1, 1),), cycles, **options)
    return sum(level.elapsed for level in levels)
