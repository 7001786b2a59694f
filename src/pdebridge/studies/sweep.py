"""One quantity of the trained cells of a grid, for the figure over its keys."""

from pathlib import Path
from typing import Any

import numpy as np

from pdebridge.configuration.grid import base_of
from pdebridge.errors import UserError
from pdebridge.files import read_json
from pdebridge.studies.result import StudyResult

USUAL = ("val/accuracy", "cost/total", "val/loss")


def sweep(runs: list[Path], quantity: str | None = None) -> StudyResult:
    """Return the values of a quantity of ``summary.json`` over a grid; its numbers stand in the tables already.

    Arrays: ``quantity``, its name; ``keys``, those of the grid, after ``cell`` where it varies several cells;
    ``key/0``, ..., the value of each key in each of the C cells, numbers where all are and texts otherwise;
    ``values``, (C, S), a column a seed, nan where a cell has fewer.

    Args:
        runs: run directories of the cells of a grid.
        quantity: its name; the first of validation accuracy, cost of a game and validation loss if None.

    Raises:
        UserError: the experiment has no grid, or a run has not the quantity.
    """
    cells = [read_json(run / "run.json")["cell"] for run in runs]
    summaries = [read_json(run / "summary.json") for run in runs]
    points = {cell["cell"]: cell["varied"] for cell in cells}
    if not any(points.values()):
        raise UserError("the study sweep needs an experiment with a grid, such as 'grid: {network.steps: [4, 8, 16]}'")
    if len({base_of(*one) for one in points.items()}) > 1:
        points = {name: {"cell": base_of(name, point), **point} for name, point in points.items()}
    name = quantity or next((one for one in USUAL if one in summaries[0]), USUAL[0])
    if missing := [run for run, s in zip(runs, summaries, strict=True) if name not in s]:
        raise UserError(f"{missing[0]}: no quantity {name!r}; there are: {', '.join(summaries[0])}")
    seeds = [[s[name] for c, s in zip(cells, summaries, strict=True) if c["cell"] == cell] for cell in points]
    keys = list(next(iter(points.values())))
    columns = {f"key/{i}": _column([point[key] for point in points.values()]) for i, key in enumerate(keys)}
    arrays = {"quantity": np.array(name), "keys": np.array(keys), **columns, "values": _rows(seeds)}
    return StudyResult([], arrays)


def _rows(seeds: list[list[float]]) -> np.ndarray:
    """Return rows of different lengths as one array, filled with nan."""
    rows = np.full((len(seeds), max(map(len, seeds))), np.nan)
    for row, values in zip(rows, seeds, strict=True):
        row[: len(values)] = values
    return rows


def _column(values: list[Any]) -> np.ndarray:
    """Return numbers as numbers, and anything else as texts."""
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    return np.array(values, dtype=float) if numbers else np.array([str(value) for value in values])
