"""A mean field game in pictures: the crowd over time, its characteristics, and the potential that moves it."""

from pathlib import Path
from typing import Any

import numpy as np

from pdebridge.paper.figure1 import Arrays
from pdebridge.paper.style import BLUE, ORANGE, figure

PLANE = "d2"  # the cell whose densities and potential are drawn


def draw(arrays: Arrays, stem: Path) -> None:
    """Draw ``rho`` at five times, ``Phi`` at both ends, and characteristics in the smallest and largest dimensions.

    Args:
        arrays: the study's, named ``cell/array``; the densities are those of the cell ``d2``.
        stem: the path without suffix.
    """
    part = cell(arrays, PLANE)
    dimensions = sorted((int(arrays[f"{name}/d"]), name) for name in {key.split("/")[0] for key in arrays})
    shown = sorted({dimensions[0], *dimensions[-2:]})
    with figure(stem, 2, 5, width=7.4, height=3.3) as axes:
        density(axes[0], part)
        for ax, (d, name), letter in zip(axes[1], shown, "bcd", strict=False):
            paths(ax, cell(arrays, name)["paths"])
            ax.set_title(f"({letter}) paths, d = {d}")
        for ax, field, title in zip(
            axes[1, 3:], part["potential"], ("(e) $\\Phi(x, 0)$", "(f) $\\Phi(x, 1)$"), strict=True
        ):
            contours(ax, part, field)
            ax.set_title(title)
        for ax in axes.flat:
            obstacle(ax, part)
            ax.set(xlim=part["axes"][0, [0, -1]], ylim=part["axes"][1, [0, -1]], aspect="equal")
            ax.label_outer()
        for ax in axes[-1]:
            ax.set_xlabel("$x_1$")
        for ax in axes[:, 0]:
            ax.set_ylabel("$x_2$", rotation=0)


def cell(arrays: Arrays, name: str) -> Arrays:
    """Return the arrays of one cell."""
    return {key.removeprefix(f"{name}/"): array for key, array in arrays.items() if key.startswith(f"{name}/")}


def density(row: Any, part: Arrays) -> None:
    """Draw ``rho`` at every time, each on its own scale."""
    for i, (ax, rho, t) in enumerate(zip(row, part["density"], part["times"], strict=True)):
        ax.pcolormesh(*part["axes"], rho, cmap="Blues", rasterized=True, shading="gouraud")
        ax.set_title(f"{'(a) ' if i == 0 else ''}$\\rho(x, {t:g})$")


def paths(ax: Any, z: np.ndarray) -> None:
    """Draw characteristics ``(times, samples, 2)`` from their starts (hollow) to their ends (full)."""
    ax.plot(z[:, :, 0], z[:, :, 1], color=BLUE, linewidth=0.4, alpha=0.5)
    ax.scatter(*z[0].T, s=5, facecolors="white", edgecolors=BLUE, linewidths=0.5, zorder=3)
    ax.scatter(*z[-1].T, s=5, color=ORANGE, linewidths=0, zorder=4)


def contours(ax: Any, part: Arrays, field: np.ndarray) -> None:
    """Draw level lines of a field and its colours."""
    ax.contourf(*part["axes"], field, levels=16, cmap="viridis")
    ax.contour(*part["axes"], field, levels=16, colors="white", linewidths=0.3)


def obstacle(ax: Any, part: Arrays) -> None:
    """Draw level lines of the obstacle's cost, if there is one."""
    height = part["obstacle"][0]
    if height.max() > 0:
        ax.contour(*part["axes"], height, levels=[1, 5, 10], colors="black", linewidths=0.5)
