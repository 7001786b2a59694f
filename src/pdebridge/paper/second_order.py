"""Gauss-Newton beside SGD in seconds, and a training from coarse to fine beside one of the fine network alone."""

from pathlib import Path
from typing import Any

import numpy as np

from pdebridge.paper.stability import Arrays
from pdebridge.paper.style import COLOURS, figure

METHODS = {"sgd": "SGD", "gauss-newton": "Gauss-Newton"}
LEVELS = {"single-level": "one level", "multilevel": "multilevel"}


def draw(arrays: Arrays, stem: Path) -> None:
    """Draw the objective of every seed.

    (a), (b): against the seconds of a training, for cells ``problem-sgd`` and ``problem-gauss-newton``. (c): against
    work in iterations of the whole network, ``sum N_k / N`` over the iterations with ``N_k`` steps, for the cells
    ``single-level`` and ``multilevel``; each level has the objective of its own network.

    Args:
        arrays: the histories, a row a seed and a column an epoch of one iteration.
        stem: the path without suffix.
    """
    suffix = "-sgd/train/loss"
    problems = [name.removesuffix(suffix) for name in arrays if name.endswith(suffix)]
    titles = [f"{problem}: objective" for problem in problems] + ["levels: objective"]
    with figure(stem, 1, len(titles), width=2.4 * len(titles), height=2.3) as axes:
        *timed, worked = axes[0]
        for ax, problem in zip(timed, problems, strict=True):
            cells = {f"{problem}-{method}": label for method, label in METHODS.items()}
            lines(ax, arrays, cells, {cell: arrays[f"{cell}/seconds"] for cell in cells})
            ax.set(xlabel="seconds", xscale="log")
        lines(worked, arrays, LEVELS, {cell: work(arrays, cell) for cell in LEVELS})
        worked.set_xlabel("iterations of the finest network")
        for ax, title, letter in zip(axes[0], titles, "abcdef", strict=False):
            ax.set(title=f"({letter}) {title}", yscale="log")
            ax.legend(loc="lower left")


def work(arrays: Arrays, cell: str) -> np.ndarray:
    """Return the sums of ``N_k / N``; where a history has no depths, they are the same in all epochs."""
    depths = arrays.get(f"{cell}/steps", np.ones_like(arrays[f"{cell}/train/loss"]))
    return np.cumsum(depths / depths[:, -1:], axis=1)


def lines(ax: Any, arrays: Arrays, cells: dict[str, str], x: dict[str, np.ndarray]) -> None:
    """Draw a line a seed for every cell."""
    for (cell, label), colour in zip(cells.items(), COLOURS, strict=False):
        for j, (at, row) in enumerate(zip(x[cell], arrays[f"{cell}/train/loss"], strict=True)):
            ax.plot(at, row, color=colour, lw=0.9, label=None if j else label)
