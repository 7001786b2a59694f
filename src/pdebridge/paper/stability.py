"""Growth of perturbations along trained trajectories, and both certificates of every network."""

from pathlib import Path
from typing import Any

import numpy as np

from pdebridge.paper.style import COLOURS, MARKERS, YELLOW, figure

Arrays = dict[str, np.ndarray]
LETTERS = "abcdef"
SHOWN = (1e-4, 1e12)  # numbers of certificates beyond are drawn at the edge
DARK = [colour for colour in COLOURS if colour != YELLOW]  # thin lines on white


def draw(arrays: Arrays, stem: Path) -> None:
    """Draw ``max ||du_k/du_0||`` against the step, a panel a stage, the proved growth, and the frozen stable step / h.

    Args:
        arrays: the stability study's ``cell/growth/i``, ``cell/contractive/growth`` and ``cell/spectral/margin``, one
            row or value a seed.
        stem: the path without suffix.
    """
    stages = sorted({name.split("/growth/")[1] for name in arrays if "/growth/" in name})
    # from the strongest growth down, so that the names stand in the order of the curves
    cells = sorted(cells_of(arrays), key=lambda cell: arrays[f"{cell}/growth/{stages[0]}"].mean(0).max())
    with figure(stem, 1, len(stages) + 2, width=7.0, height=2.7) as axes:
        *growths, proved, frozen = axes[0]
        for i, (ax, stage) in enumerate(zip(growths, stages, strict=True)):
            draw_growth(ax, arrays, cells, stage)
            part = f", stage {i + 1}" if len(stages) > 1 else ""
            ax.set_title(f"({LETTERS[i]}) growth{part}")
        growths[0].set_ylabel(r"$\max\,\|\partial u_k/\partial u_0\|_2$")
        draw_numbers(proved, arrays, cells, "contractive/growth")
        proved.set(title=f"({LETTERS[len(stages)]}) contractive", xlabel="proved growth")
        draw_numbers(frozen, arrays, cells, "spectral/margin")
        frozen.set(title=f"({LETTERS[len(stages) + 1]}) spectral", xlabel="frozen stable step / $h$", yticklabels=[])
        add_names(proved, cells)


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


def draw_numbers(ax: Any, arrays: Arrays, cells: list[str], quantity: str) -> None:
    """Draw one point a seed, at the edge where a number is outside; the line is where the certificate holds."""
    for i, cell in enumerate(cells):
        if (numbers := arrays.get(f"{cell}/{quantity}")) is None:
            ax.text(0.04, i, "no bound", transform=ax.get_yaxis_transform(), va="center", color="0.4")
        else:
            ax.scatter(np.clip(numbers, *SHOWN), np.full(len(numbers), i), s=14, color=look(i)["color"], clip_on=False)
    ax.axvline(1, color="0.3", linewidth=0.8, zorder=0)
    ax.set(xscale="log", yticks=range(len(cells)), ylim=(-0.6, len(cells) - 0.4))
    ax.tick_params(axis="y", length=0)
    low, high = ax.get_xlim()
    ax.set_xlim(min(low, 0.5), max(high, 2.0))


def add_names(ax: Any, cells: list[str]) -> None:
    """Put the names of the networks, with their lines, beside a panel: the legend."""
    for i in range(len(cells)):
        key = {**look(i), "markersize": 4, "markevery": [1], "linewidth": 0.9}
        ax.plot([-0.2, -0.12, -0.04], [i, i, i], **key, transform=ax.get_yaxis_transform(), clip_on=False)
    ax.set_yticklabels(cells)
    ax.tick_params(axis="y", pad=29)
