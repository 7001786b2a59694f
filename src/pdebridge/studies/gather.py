"""One figure a run becomes one measurement a cell."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

from pdebridge.configuration.experiment import Cell
from pdebridge.studies.result import Measurement


class HasCell(Protocol):
    """A finished run that knows its configuration."""

    @property
    def cell(self) -> Cell:
        """Return the resolved configuration."""


Run = TypeVar("Run", bound=HasCell)


def gather(runs: Mapping[Path, Run], figures: Callable[[Run], dict[str, float]]) -> list[Measurement]:
    """Return the figures of every run, the seeds of a cell together in the order of the folders.

    Args:
        runs: finished runs by their directories.
        figures: quantities of one run by name.
    """
    found: dict[tuple[str, str, str], tuple[list[float], list[str]]] = defaultdict(lambda: ([], []))
    for folder, run in runs.items():
        for quantity, value in figures(run).items():
            values, names = found[run.cell.experiment, run.cell.cell, quantity]
            values.append(value)
            names.append(str(folder))
    return [Measurement(*key, *lists) for key, lists in found.items()]
