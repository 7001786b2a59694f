"""A quantity over the keys of a grid: a line for each setting of the others, and a map over two keys."""

from pathlib import Path
from typing import Any

import numpy as np

from pdebridge.configuration.grid import labels
from pdebridge.paper.figure1 import Arrays
from pdebridge.paper.style import COLOURS, MARKERS, figure

WIDE = 8.0  # ratio of the largest to the least value from which an axis is logarithmic


def draw(arrays: Arrays, stem: Path) -> None:
    """Draw the quantity against one key, a line the mean over seeds and a small dot a seed; over two keys a map too.

    The abscissa is the first key of numbers with the most values; the map is the mean over seeds and over further keys.

    Args:
        arrays: the study's ``quantity``, ``keys``, ``key/i`` and ``values``.
        stem: the path without suffix.
    """
    names = labels([str(key) for key in arrays["keys"]])
    columns = {label: arrays[f"key/{i}"] for i, label in enumerate(names.values())}
    # max keeps the first of equals
    along = max(columns, key=lambda label: (columns[label].dtype.kind == "f", len(np.unique(columns[label]))))
    others = {label: column for label, column in columns.items() if label != along}
    quantity = str(arrays["quantity"])
    with figure(stem, 1, 1 + bool(others), width=3.4 * (1 + bool(others)), height=2.5) as axes:
        lines(axes[0, 0], along, columns[along], others, arrays["values"])
        axes[0, 0].set(title="(a) a line the mean, a dot a seed" if others else "", ylabel=quantity)
        if others:
            beside = max(others, key=lambda label: len(np.unique(others[label])))
            table(axes[0, 1], (along, columns[along]), (beside, others[beside]), arrays["values"])
            axes[0, 1].set_title(f"(b) mean {quantity}")


def lines(ax: Any, name: str, x: np.ndarray, others: dict[str, np.ndarray], values: np.ndarray) -> None:
    """Draw the mean over seeds, and every seed, against one key: a line for each setting of the others."""
    places, ticks = positions(x)
    settings = [
        ", ".join(f"{label} = {shown(column[i])}" for label, column in others.items()) for i in range(len(places))
    ]
    for i, setting in enumerate(dict.fromkeys(settings)):
        mine = [j for j, one in enumerate(settings) if one == setting]
        mine.sort(key=lambda j: places[j])
        look = {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)]}
        ax.plot(places[mine], [_mean(seeds) for seeds in values[mine]], markersize=3.5, lw=1, label=setting, **look)
        for seed in values[mine].T:
            ax.plot(places[mine], seed, ".", markersize=2, alpha=0.5, color=look["color"])
    if ticks is None and places.min() > 0 and places.max() / places.min() >= WIDE:
        ax.set_xscale("log")
    if ticks is not None or len(np.unique(places)) <= 8:
        every = np.unique(places)
        ax.set_xticks(every, ticks or [shown(value) for value in every])
        ax.minorticks_off()
    ax.set_xlabel(name)
    if others:
        ax.legend(loc="best")


def table(ax: Any, along: tuple[str, np.ndarray], beside: tuple[str, np.ndarray], values: np.ndarray) -> None:
    """Draw the mean over seeds, and over the keys that are not shown, at every pair of values of two keys."""
    (name, x), (other, y) = along, beside
    columns, rows = np.unique(x), np.unique(y)
    means = np.array([[_mean(values[(x == a) & (y == b)]) for a in columns] for b in rows])
    ax.imshow(means, cmap="Blues", aspect="auto", origin="lower")
    for i, j in np.ndindex(means.shape):
        if np.isnan(means[i, j]):
            continue  # a white field
        dark = means[i, j] > (np.nanmin(means) + np.nanmax(means)) / 2
        ax.text(j, i, f"{means[i, j]:.4g}", ha="center", va="center", color="white" if dark else "black")
    ax.set_xticks(range(len(columns)), [shown(value) for value in columns])
    ax.set_yticks(range(len(rows)), [shown(value) for value in rows])
    ax.set(xlabel=name, ylabel=other)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)


def _mean(values: np.ndarray) -> float:
    """Return the mean of what there is; nan of nothing."""
    there = values[~np.isnan(values)]
    return float(there.mean()) if there.size else float("nan")


def positions(x: np.ndarray) -> tuple[np.ndarray, list[str] | None]:
    """Return where values stand on an axis: numbers where they are, texts side by side with their names as ticks."""
    if x.dtype.kind == "f":
        return x, None
    names, places = np.unique(x, return_inverse=True)
    return places.astype(float), [str(name) for name in names]


def shown(value: Any) -> str:
    """Return a number without trailing zeros, or a text."""
    return f"{value:g}" if isinstance(value, float) else str(value)
