"""Mean field games side by side: the crowd at five times and its paths, one game a row."""

from pathlib import Path
from typing import Any

import numpy as np

from pdebridge.paper.figure1 import Arrays
from pdebridge.paper.game import cell, paths
from pdebridge.paper.style import figure

COLOURS = ("Blues", "Oranges", "Greens", "Purples")
MARGIN = 1.6  # around the paths


def draw(arrays: Arrays, stem: Path) -> None:
    """Draw a row for every cell of the plane: ``rho`` at five times with the obstacle where it is then, and the paths.

    Args:
        arrays: the study's, named ``cell/array``.
        stem: the path without suffix.
    """
    names = [name for name in dict.fromkeys(key.split("/")[0] for key in arrays) if f"{name}/density" in arrays]
    if not names:
        raise ValueError("no game of the plane is among them")
    heights = [np.ptp(cell(arrays, name)["paths"][..., 1]) + 2 * MARGIN for name in names]
    widths = [np.ptp(arrays[f"{name}/axes"][0]) for name in names]
    inches = 0.3 + 1.25 * sum(h / w for h, w in zip(heights, widths, strict=True))
    with figure(stem, len(names), 6, width=7.4, height=inches + 0.15 * len(names)) as axes:
        for row, name in zip(axes, names, strict=True):
            part = cell(arrays, name)
            low, high = part["paths"][..., 1].min() - MARGIN, part["paths"][..., 1].max() + MARGIN
            for ax in row:
                ax.set(aspect="equal", xlim=part["axes"][0, [0, -1]], ylim=(low, high), xticks=[], yticks=[])
            for i, ax in enumerate(row[: len(part["times"])]):
                walls(ax, part, i)
                densities(ax, part, i)
            if len(part["obstacle"]) == 1:
                walls(row[-1], part, 0)
            paths(row[-1], part["paths"][:, ::2])
            row[0].set_ylabel(name)
        for ax, t in zip(axes[0], part["times"], strict=False):
            ax.set_title(f"$t = {t:g}$")
        axes[0, -1].set_title("paths")


def densities(ax: Any, part: Arrays, i: int) -> None:
    """Draw the crowd at the i-th time or, if there are several, each in a colour of its own."""
    for rho, colours in zip(part.get("crowds", part["density"][None]), COLOURS, strict=False):
        levels = np.linspace(0.03, 1, 9) * rho[i].max()
        ax.contourf(*part["axes"], rho[i], levels=levels, cmap=colours, extend="max", alpha=0.8)


def walls(ax: Any, part: Arrays, i: int) -> None:
    """Shade the obstacle at the i-th time, or as it always is."""
    height = part["obstacle"][min(i, len(part["obstacle"]) - 1)]
    if height.max() > 0:
        ax.pcolormesh(*part["axes"], height, cmap="Greys", vmin=0, vmax=1.5 * height.max(), rasterized=True)
