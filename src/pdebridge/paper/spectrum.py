"""Spectra of the Jacobians along trained trajectories, in the region where the integrator is stable."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from pdebridge.paper.stability import Arrays, cells_of
from pdebridge.paper.style import BLUE, figure

COLUMNS = 3
REAL, IMAGINARY = (-4.0, 1.0), (-3.5, 3.5)  # of the study's region


def draw(arrays: Arrays, stem: Path) -> None:
    """Draw ``h lambda`` of every network in the complex plane, a panel a network.

    Grey: the region ``|R(z)| <= 1`` of a Runge-Kutta method, or the interval of the imaginary axis on which a
    reversible one is stable. Scales differ where eigenvalues are large.

    Args:
        arrays: the stability study's ``cell/spectrum``, ``cell/limits`` and ``cell/region``.
        stem: the path without suffix.
    """
    cells = [cell for cell in cells_of(arrays) if f"{cell}/spectrum" in arrays]
    rows = math.ceil(len(cells) / COLUMNS)
    with figure(stem, rows, COLUMNS, width=7.0, height=2.2 * rows) as axes:
        for ax, cell in zip(axes.flat, cells, strict=False):
            draw_region(ax, arrays, cell)
            z = arrays[f"{cell}/spectrum"]
            ax.scatter(z.real, z.imag, s=3, color=BLUE, linewidths=0, alpha=0.5, rasterized=True)
            reach = max(3.1, 1.1 * float(np.abs(z).max()))
            ax.set(title=cell, aspect="equal", xlim=(-reach, reach), ylim=(-reach, reach))
        for ax in axes.flat[len(cells) :]:
            ax.set_axis_off()
        for ax in axes[-1]:
            ax.set_xlabel(r"Re $h\lambda$")
        for ax in axes[:, 0]:
            ax.set_ylabel(r"Im $h\lambda$")


def draw_region(ax: Any, arrays: Arrays, cell: str) -> None:
    """Draw where the integrator is stable, and the imaginary axis."""
    ax.axvline(0, color="0.7", linewidth=0.5, zorder=0)
    if f"{cell}/region" in arrays:
        R = arrays[f"{cell}/region"]
        xs, ys = np.linspace(*REAL, R.shape[1]), np.linspace(*IMAGINARY, R.shape[0])
        ax.contourf(xs, ys, R, levels=[0, 1], colors=["0.88"], zorder=-1)
    else:
        limit = arrays[f"{cell}/limits"][1]
        ax.plot([0, 0], [-limit, limit], color="0.82", linewidth=6, solid_capstyle="butt", zorder=-1)
