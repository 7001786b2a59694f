"""Correct digits of features that were recovered by reversal: by depth, by precision, and by step size."""

from pathlib import Path
from typing import Any

import numpy as np

from pdebridge.paper.stability import Arrays, look
from pdebridge.paper.style import figure

DEPTHS = [("float32/N10", "$N = 10$"), ("float32/N100", "$N = 100$"), ("float32/N400", "$N = 400$")]
PRECISIONS = [
    ("float64/N100", "float64"),
    ("float32/N100", "float32"),
    ("mixed/N100", "$F$ in bfloat16"),
    ("bfloat16/N100", "bfloat16"),
]
LOST = 0  # no digit is correct


def draw(arrays: Arrays, stem: Path) -> None:
    """Draw the reversal study, a point a seed.

    Args:
        arrays: the study's ``row/precision/depth/digits``, ``h`` and ``h/scheme``.
        stem: the path without suffix.
    """
    rows = [name.removesuffix("/amplification") for name in arrays if name.endswith("/amplification")]
    with figure(stem, 1, 3, width=7.2, height=3.6) as axes:
        depth, precision, sizes = axes[0]
        draw_rows(depth, arrays, rows, DEPTHS)
        draw_rows(precision, arrays, rows, PRECISIONS)
        depth.set_yticks(range(len(rows)), [readable(row) for row in rows])
        precision.set_yticks(range(len(rows)), [""] * len(rows))
        depth.text(-0.06, 1.02, "scheme, s.d., $h$", transform=depth.transAxes, ha="right", color="0.4")
        depth.set_title("(a) float32, by depth")
        precision.set_title("(b) $N = 100$, by precision")
        draw_sizes(sizes, arrays)
        sizes.set_title("(c) float32, $N = 100$, s.d. 0.2")
        for ax in (depth, precision):
            ax.set(xlabel="correct digits", ylim=(len(rows) - 0.4, -0.6), xlim=(-2.5, None))
        legend_above(depth, 3)
        legend_above(precision, 2)
        legend_above(sizes, 1)


def legend_above(ax: Any, columns: int) -> None:
    """Set the legend between title and top of the figure, where it hides nothing."""
    ax.legend(
        loc="lower left", bbox_to_anchor=(-0.05, 1.07), ncols=columns, handletextpad=0.1, columnspacing=0.5, fontsize=7
    )


def readable(row: str) -> str:
    """Return ``scheme, sd, h`` of a row's name."""
    scheme, deviation, h = row.rsplit("-", 2)
    return f"{scheme} {deviation.removeprefix('sd')}, {h.removeprefix('h')}"


def draw_rows(ax: Any, arrays: Arrays, rows: list[str], columns: list[tuple[str, str]]) -> None:
    """Draw one line of points a row; left of zero nothing is recovered."""
    ax.axvspan(-9, LOST, color="0.93", zorder=-1)
    for i, (column, label) in enumerate(columns):
        points = [(v, y) for y, row in enumerate(rows) for v in arrays[f"{row}/{column}/digits"]]
        style = {"s": 13, "color": look(i)["color"], "marker": look(i)["marker"]}
        ax.scatter(*np.array(points).T, **style, linewidths=0, alpha=0.8, label=label)
    ax.grid(axis="y", color="0.92", linewidth=0.5)
    ax.set_axisbelow(True)
    ax.margins(x=0.05)


def draw_sizes(ax: Any, arrays: Arrays) -> None:
    """Draw the mean digits over the seeds against the step size, named at the left end."""
    schemes = [name.removeprefix("h/") for name in arrays if name.startswith("h/")]
    ax.axhspan(-7, LOST, color="0.93", zorder=-1)
    for i, scheme in enumerate(schemes):
        ax.plot(arrays["h"], arrays[f"h/{scheme}"].mean(1), **look(i), markersize=3, linewidth=0.9, label=scheme)
    ax.set(xscale="log", xlabel="$h$", ylabel="correct digits", ylim=(-2.2, 8))
    ax.set_xticks(arrays["h"], [f"{h:g}" for h in arrays["h"]])
    ax.minorticks_off()
