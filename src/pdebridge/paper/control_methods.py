"""Methods that find the weights of one network, side by side: what each gains for its time and its iterations."""

from pathlib import Path
from typing import Any

import numpy as np

from pdebridge.paper.stability import Arrays
from pdebridge.paper.style import COLOURS, figure

OBJECTIVE = "/train/loss"


def draw(arrays: Arrays, stem: Path) -> None:
    """Draw the objective of every cell against seconds and against iterations: the median seed in a band of all.

    A point stands at the end of an epoch with the last objective that the method has evaluated in it, by its own means
    (of one-shot training the inexact one; the mean over an epoch's batches of SGD and E-MSA).

    Args:
        arrays: the histories of every cell, a row a seed and a column an epoch, and the iterations of an epoch.
        stem: the path without suffix.
    """
    methods = [name.removesuffix(OBJECTIVE) for name in arrays if name.endswith(OBJECTIVE)]
    with figure(stem, 1, 2, width=6.6, height=2.5) as axes:
        timed, counted = axes[0]
        for method, colour in zip(methods, COLOURS, strict=False):
            objective, seconds = arrays[f"{method}{OBJECTIVE}"], np.median(arrays[f"{method}/seconds"], axis=0)
            iterations = arrays[f"{method}/iterations"].cumsum(axis=1)[0]
            band(timed, seconds, objective, color=colour, label=method)
            band(counted, iterations, objective, color=colour)
        timed.set(title="(a) objective against time", xlabel="seconds")
        counted.set(title="(b) objective against iterations", xlabel="iterations; epochs of SGD, E-MSA")
        for ax in axes[0]:
            ax.set(xscale="log", yscale="log")
        timed.legend(loc="lower left", borderaxespad=0)


def band(ax: Any, x: np.ndarray, rows: np.ndarray, color: str, label: str | None = None) -> None:
    """Draw the median of the rows, and what lies between the least and the largest."""
    ax.plot(x, np.median(rows, axis=0), color=color, lw=1.1, label=label)
    ax.fill_between(x, rows.min(axis=0), rows.max(axis=0), color=color, alpha=0.2, lw=0)
