"""One figure a run becomes one measurement a cell."""

from collections import defaultdict
from collections.abc import Callable
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


def gather(
    folders: list[Path], restore: Callable[[Path], Run], figures: Callable[[Run], dict[str, float]]
) -> list[Measurement]:
    """Return the figures of every run directory, the seeds of a cell together in the order of the folders."""
    found: dict[tuple[str, str, str], tuple[list[float], list[str]]] = defaultdict(lambda: ([], []))
    for folder in folders:
        run = restore(folder)
        for quantity, value in figures(run).items():
            values, names = found[run.cell.experiment, run.cell.cell, quantity]
            values.append(value)
            names.append(str(folder))
    return [Measurement(*key, *lists) for key, lists in found.items()]
