"""Equations that were found from trajectories: what they do later, their coefficients, steps and bifurcations."""

from pathlib import Path
from typing import Any

import numpy as np

from pdebridge.paper.stability import Arrays, look
from pdebridge.paper.style import BLUE, ORANGE, figure

FOLLOWED = ("linear", "noise-1", "five-taps", "network", "residual")
"""Cells whose trajectories and energies are drawn."""


def draw(arrays: Arrays, stem: Path) -> None:
    """Draw what the four studies of identification found.

    Args:
        arrays: of the studies attractor, identification, bifurcations and largest-step.
        stem: the path without suffix.
    """
    cells = [cell for cell in FOLLOWED if f"horizon/{cell}" in arrays]
    with figure(stem, 3, 3, width=7.4, height=6.6) as axes:
        draw_pictures(axes[0], arrays)
        draw_horizons(axes[1, 0], arrays, cells)
        draw_energies(axes[1, 1], arrays, cells)
        draw_errors(axes[1, 2], arrays)
        draw_growth(axes[2, 0], arrays)
        draw_branch(axes[2, 1], arrays)
        draw_steps(axes[2, 2], arrays)


def draw_pictures(axes: Any, arrays: Arrays) -> None:
    """Draw ``u(t, x)`` of the equation, of the first flow, and their difference, in one scale."""
    true, learned = arrays["space-time/truth"], arrays["space-time/learned"]
    time, length = arrays["space-time/extent"]
    size = float(np.abs(true).max())
    names = ("(a) ETDRK4", "(b) learned", "(c) difference")
    for ax, u, name in zip(axes, (true, learned, learned - true), names, strict=True):
        ax.imshow(
            np.nan_to_num(u.T, nan=10 * size),
            aspect="auto",
            origin="lower",
            extent=(0, time, 0, length),
            cmap="RdBu_r",
            vmin=-size,
            vmax=size,
            interpolation="none",
        )
        ax.set(title=name, xlabel="$t$")
    axes[0].set_ylabel("$x$")


def draw_horizons(ax: Any, arrays: Arrays, cells: list[str]) -> None:
    """Draw the relative error against time in Lyapunov times, cut where a trajectory is long lost."""
    for i, cell in enumerate(cells):
        times, error = arrays[f"horizon/{cell}/time"], arrays[f"horizon/{cell}"]
        ax.plot(times[1:], np.clip(np.nan_to_num(error[1:], nan=9), None, 9), **line(i), label=cell)
    ax.axhline(0.5, color="0.6", linewidth=0.5)
    ax.set(yscale="log", xlabel="Lyapunov times", ylabel="relative error", title="(d) error of a trajectory")
    ax.legend(loc="lower right", fontsize=6)


def draw_energies(ax: Any, arrays: Arrays, cells: list[str]) -> None:
    """Draw the mean energy of every mode; a flow that did not stay bounded has none."""
    true = arrays["energy/truth"]
    shown = np.arange(1, len(true) // 2)
    ax.plot(shown, true[shown], color="0.75", linewidth=3, label="ETDRK4")
    for i, cell in enumerate(cells):
        if np.isfinite(arrays[f"energy/{cell}"]).all():
            ax.plot(shown, arrays[f"energy/{cell}"][shown], **line(i), label=cell)
    ax.set(yscale="log", xlabel="mode", ylabel="mean energy", title="(e) on the attractor")
    ax.legend(loc="upper right", fontsize=6)


def draw_errors(ax: Any, arrays: Arrays) -> None:
    """Draw the largest error of a coefficient in each cell, learned and by least squares."""
    cells, y = arrays["error/cells"], np.arange(len(arrays["error/cells"]))
    ax.scatter(arrays["error/baseline"], y, s=14, color=ORANGE, marker="s", label="differences")
    ax.scatter(arrays["error/learned"], y, s=14, color=BLUE, label="learned")
    ax.set_yticks(y, cells, fontsize=6)
    ax.set(xscale="log", xlabel="error (%)", title="(f) coefficients", ylim=(len(cells) - 0.5, -0.5))
    ax.grid(axis="y", color="0.92", linewidth=0.5)
    ax.set_axisbelow(True)
    ax.legend(loc="upper left", fontsize=6, handletextpad=0.1, borderaxespad=0)


def draw_growth(ax: Any, arrays: Arrays) -> None:
    """Draw the growth of the first waves at ``u = 0`` against ``alpha``, and where it must vanish."""
    alpha = arrays["growth/alpha"]
    names = [name for name in arrays if name.startswith("growth/") and name.count("/") == 2]
    for name in names:
        k = int(name.rpartition("/")[2])
        ax.plot(alpha, arrays[name], color=look(k - 1)["color"], linewidth=0.9, label=f"$k = {k}$")
        ax.plot(4 * k**2, 0, "o", color=look(k - 1)["color"], markersize=4, markerfacecolor="white")
    ax.axhline(0, color="0.6", linewidth=0.5)
    ax.set(xlabel=r"$\alpha$", ylabel="growth at $u = 0$", title=r"(g) circles: $4k^2$", ylim=(-60, 60))
    ax.legend(loc="upper left", fontsize=6)


def draw_branch(ax: Any, arrays: Arrays) -> None:
    """Draw the steady state that leaves zero at 4, of the learned equation and of the exact one."""
    alpha = arrays["branch/alpha"]
    ax.plot(alpha, arrays["branch/exact"], color="0.75", linewidth=3, label="exact")
    for name in (name for name in arrays if name.startswith("branch/") and name[7:] not in ("alpha", "exact")):
        ax.plot(alpha, arrays[name], color=BLUE, marker="o", markersize=2.5, linewidth=0.9, label="learned")
    ax.plot([0, alpha[-1]], [0, 0], color="0.5", linewidth=0.8)
    ax.plot(4, 0, "o", color="0.3", markersize=4, markerfacecolor="white")
    ax.set(xlabel=r"$\alpha$", ylabel="size of the steady state", title="(h) bifurcation at 4", xlim=(0, alpha[-1]))
    ax.legend(loc="upper left", fontsize=6)


def draw_steps(ax: Any, arrays: Arrays) -> None:
    """Draw the largest step that each template trains with."""
    names, h = arrays["largest-step/names"], arrays["largest-step/h"]
    y = np.arange(len(names))
    ax.hlines(y, 1e-4, h, color="0.85", linewidth=1)
    ax.scatter(h, y, s=18, color=BLUE)
    ax.set_yticks(y, names, fontsize=6)
    ax.set(xscale="log", xlabel="$h$", title="(i) largest step that trains", ylim=(len(names) - 0.5, -0.5))


def line(i: int) -> dict[str, Any]:
    """Return the look of a cell's curve."""
    return {"color": look(i)["color"], "linewidth": 0.9}
