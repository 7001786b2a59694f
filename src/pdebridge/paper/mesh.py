"""A game in the plane, solved on a mesh and by a network: the same fields side by side."""

from pathlib import Path
from typing import Any

import numpy as np

from pdebridge.paper.figure1 import Arrays
from pdebridge.paper.game import cell, paths
from pdebridge.paper.style import figure

ROWS = ("mesh", "network")


def draw(arrays: Arrays, stem: Path) -> None:
    """Draw ``rho`` at three times, characteristics, ``Phi`` and the HJB residual at t = 1/2, one row a method.

    Args:
        arrays: the mesh study's ``CELL/mesh/...``; the first cell is drawn.
        stem: the path without suffix.
    """
    name = min(key.split("/mesh/")[0] for key in arrays if "/mesh/axis1" in key)
    part = cell(arrays, f"{name}/mesh")
    axes12 = part["axis1"], part["axis2"]
    crowded = part["mesh/density"][1] > 1e-2 * part["mesh/density"][1].max()
    height = 0.7 + 1.95 * np.ptp(axes12[1]) / np.ptp(axes12[0])  # two rows of panels about an inch wide
    with figure(stem, 2, 6, width=7.4, height=float(height)) as axes:
        for ax, title in zip(axes[0], titles(part["times"]), strict=True):
            ax.set_title(title)
        for row, method in zip(axes, ROWS, strict=True):
            mine = cell(part, method)
            for ax, rho in zip(row, mine["density"], strict=False):
                ax.pcolormesh(*axes12, rho.T, cmap="Blues", rasterized=True, vmin=0, vmax=part["mesh/density"].max())
            paths(row[3], mine["paths"])
            levels = np.linspace(*limits(part, "potential", crowded), 17)
            row[4].contourf(*axes12, mine["potential"].T, levels=levels, cmap="viridis", extend="both")
            colours = residuals(row[5], axes12, mine["residual"], crowded)
            row[0].set_ylabel(method if method == "network" else f"mesh, {len(axes12[0])} $\\times$ {len(axes12[1])}")
        axes[1, 5].figure.colorbar(colours, ax=axes[:, 5], location="right", aspect=30, pad=0.02)
        for ax in axes.flat:
            if part["obstacle"].max() > 0:
                ax.contour(*axes12, part["obstacle"].T, levels=[1, 5, 10], colors="black", linewidths=0.4)
            ax.set(aspect="equal", xlim=axes12[0][[0, -1]], ylim=axes12[1][[0, -1]])
            ax.label_outer()


def titles(times: np.ndarray) -> list[str]:
    """Return the titles of the columns."""
    densities = [rf"$\rho(x, {t:g})$" for t in times]
    return [*densities, "characteristics", r"$\Phi(x, 0.5)$", r"$\log_{10}|$HJB$|$"]


def limits(part: Arrays, field: str, where: np.ndarray) -> tuple[float, float]:
    """Return the least and the largest value of the mesh's field where the crowd is."""
    values = part[f"mesh/{field}"][where]
    return float(values.min()), float(values.max())


def residuals(ax: Any, axes12: tuple[np.ndarray, np.ndarray], values: np.ndarray, crowded: np.ndarray) -> Any:
    """Draw the size of a residual on a logarithmic scale where the crowd is, and return the colours."""
    shown = np.log10(np.maximum(np.abs(values), 1e-9))
    return ax.pcolormesh(*axes12, np.where(crowded, shown, np.nan).T, cmap="magma", vmin=-2, vmax=1, rasterized=True)
