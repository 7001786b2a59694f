"""Growth of perturbations along trained trajectories, and the certificate of every network."""

from pathlib import Path
from typing import Any

import numpy as np

from pdebridge.paper.style import COLOURS, MARKERS, YELLOW, figure

Arrays = dict[str, np.ndarray]
DARK = [colour for colour in COLOURS if colour != YELLOW]  # thin lines on white


def draw(arrays: Arrays, stem: Path) -> None:
    """Draw ``max ||du_k/du_0||`` against the step, a panel a stage, and the largest certified step over ``h``.

    Args:
        arrays: the stability study's ``cell/growth/i`` and ``cell/margin``, one row or value a seed.
        stem: the path without suffix.
    """
    stages = sorted({name.split("/growth/")[1] for name in arrays if "/growth/" in name})
    # from the strongest growth down, so that the names stand in the order of the curves
    cells = sorted(cells_of(arrays), key=lambda cell: arrays[f"{cell}/growth/{stages[0]}"].mean(0).max())
    with figure(stem, 1, len(stages) + 1, width=7.0, height=2.7) as axes:
        *growths, margins = axes[0]
        for i, (ax, stage) in enumerate(zip(growths, stages, strict=True)):
            draw_growth(ax, arrays, cells, stage)
            part = f", stage {i + 1}" if len(stages) > 1 else ""
            ax.set_title(f"({'abc'[i]}) growth{part}")
        growths[0].set_ylabel(r"$\max\,\|\partial u_k/\partial u_0\|_2$")
        draw_margins(margins, arrays, cells)
        margins.set(title=f"({'abcd'[len(stages)]}) certificate", xlabel="certified step / $h$")


def cells_of(arrays: Arrays) -> list[str]:
    """Return the cells of which there is a growth."""
    return list(dict.fromkeys(name.split("/")[0] for name in arrays if "/growth/" in name))


def look(i: int) -> dict[str, Any]:
    """Return colour, line and marker of the ``i``-th network."""
    return {
        "color": DARK[i % len(DARK)],
        "linestyle": "-" if i < len(DARK) else "--",
        "marker": MARKERS[i % len(MARKERS)],
    }


def draw_growth(ax: Any, arrays: Arrays, cells: list[str], stage: str) -> None:
    """Draw the geometric mean over the seeds of the networks that have this stage."""
    for i, cell in enumerate(cells):
        if (growths := arrays.get(f"{cell}/growth/{stage}")) is not None:
            ax.plot(np.exp(np.log(growths).mean(0)), **look(i), markersize=3, linewidth=0.9)
    ax.set(yscale="log", xlabel="step $k$", xlim=(0, None))
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.axhline(1, color="0.6", linewidth=0.6, zorder=0)


def draw_margins(ax: Any, arrays: Arrays, cells: list[str]) -> None:
    """Draw one point a seed; right of the line every step of the network is certified. The names are the legend."""
    beside = ax.get_yaxis_transform()
    for i, cell in enumerate(cells):
        key = {**look(i), "markersize": 4, "markevery": [1], "linewidth": 0.9}
        ax.plot([-0.14, -0.08, -0.02], [i, i, i], **key, transform=beside, clip_on=False)
        margins = arrays.get(f"{cell}/margin")
        if margins is None:
            ax.text(0.04, i, "no bound", transform=beside, va="center", color="0.4")
        else:
            ax.scatter(np.maximum(margins, 1e-4), np.full(len(margins), i), s=14, color=look(i)["color"])
    ax.axvline(1, color="0.3", linewidth=0.8, zorder=0)
    ax.set_xscale("log")
    ax.set_yticks(range(len(cells)), cells)
    ax.tick_params(axis="y", length=0, pad=29)
    ax.set_ylim(-0.6, len(cells) - 0.4)
