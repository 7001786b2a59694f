"""Accuracy against the strength of noise and of two adversaries, for every network."""

from pathlib import Path
from typing import Any

import numpy as np

from pdebridge.paper.stability import Arrays, look
from pdebridge.paper.style import figure
from pdebridge.paper.verdict import interval

KINDS = [
    ("noise", "(a) Gaussian noise", "standard deviation"),
    ("fgsm", "(b) fast gradient sign", r"$\|\delta\|_\infty$"),
    ("pgd", "(c) projected gradient", r"$\|\delta\|_\infty$"),
]


def draw(arrays: Arrays, stem: Path) -> None:
    """Draw mean accuracy and its 95 % interval over the seeds; the names stand in the order of the last points of (a).

    Args:
        arrays: the robustness study's.
        stem: the path without suffix.
    """
    cells = [name.removesuffix("/noise") for name in arrays if name.endswith("/noise")]
    cells.sort(key=lambda cell: -arrays[f"{cell}/noise"][:, -1].mean())
    with figure(stem, 1, 4, width=7.2, height=2.6) as axes:
        *panels, names = axes[0]
        for ax, (kind, title, label) in zip(panels, KINDS, strict=True):
            sizes = arrays[kind]
            for i, cell in enumerate(cells):
                shift = (i - len(cells) / 2) * 0.006 * sizes[-1]  # bars side by side
                means_with_bars(ax, sizes + shift, arrays[f"{cell}/{kind}"].T, i)
            ax.set(title=title, xlabel=label, ylim=(0, 102))
        panels[0].set_ylabel("accuracy (%)")
        names.set_axis_off()
        lines = panels[0].get_lines()[: len(cells)]
        names.legend(lines, cells, loc="center left", borderaxespad=0)


def means_with_bars(ax: Any, xs: np.ndarray, values: np.ndarray, i: int, label: str | None = None) -> None:
    """Draw the means of rows of values, one value a seed, with their 95 % intervals cut to [0, 100]."""
    found = [interval(list(row)) for row in values]
    style = look(i)
    ax.plot(xs, [f.mean for f in found], **style, markersize=3, linewidth=0.9, label=label)
    low, high = ([np.clip(getattr(f, side), 0, 100) for f in found] for side in ("low", "high"))
    ax.vlines(xs, low, high, color=style["color"], linewidth=0.7, alpha=0.6)
