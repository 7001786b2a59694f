"""What an error costs against the dimension, mesh against network, and where they cross."""

from pathlib import Path
from typing import Any

import numpy as np

from pdebridge.paper.stability import Arrays, look
from pdebridge.paper.style import BLUE, ORANGE, figure

MIB = 2**20


def draw(arrays: Arrays, stem: Path) -> None:
    """Draw error against unknowns on meshes of several dimensions; bytes and seconds to reach the networks' errors.

    Args:
        arrays: the dimension study's.
        stem: the path without suffix.
    """
    with figure(stem, 1, 3, width=7.2, height=2.9) as axes:
        errors, memory, seconds = axes[0]
        draw_errors(errors, arrays)
        errors.set_title("(a) finite differences")
        for ax, name, unit, title in (
            (memory, "bytes", MIB, "(b) memory (MiB), same error"),
            (seconds, "seconds", 1.0, "(c) seconds, same error"),
        ):
            both = {kind: arrays[f"{kind}/{name}"] / unit for kind in ("curve", "square", "network")}
            against_dimension(ax, arrays, both, arrays["network/error/relative-l2"])
            mark_crossing(ax, float(arrays[f"crossing/{name}"]))
            ax.set_title(title)
        memory.legend(loc="lower right", fontsize=7, borderaxespad=0)


def draw_errors(ax: Any, arrays: Arrays) -> None:
    """Draw the relative error of multigrid solutions against the unknowns, a line a dimension, named at its end."""
    multigrid = arrays["sines/method"] == "multigrid"
    for i, d in enumerate(np.unique(arrays["sines/d"])):
        mine = multigrid & (arrays["sines/d"] == d)
        x, y = arrays["sines/unknowns"][mine], arrays["sines/error"][mine]
        ax.plot(x, y, **look(i), markersize=3, linewidth=0.9)
        ax.annotate(str(d) if i else f"d = {d}", (x[-1], y[-1]), (0, 5), textcoords="offset points", fontsize=7)
    ax.set(xscale="log", yscale="log", xlabel="unknowns", ylabel="relative error")
    ax.margins(x=0.2)


def against_dimension(ax: Any, arrays: Arrays, cost: dict[str, np.ndarray], errors: np.ndarray) -> None:
    """Draw a cost of mesh and network against d: points were measured, the dashed line is extrapolated.

    The line stands for as many cells as the error needs, the points for the next whole number of cells an axis.

    Args:
        ax: axes.
        arrays: dimensions ``curve/d``, ``square/d``, ``network/d``.
        cost: of ``curve`` and ``square`` (mesh) and ``network``.
        errors: of the networks, in per cent, written beside them.
    """
    d = arrays["curve/d"]
    ax.plot(d, cost["curve"], color=BLUE, linestyle="--", linewidth=0.9, label="mesh, extrapolated")
    ax.plot(arrays["square/d"], cost["square"], "o", color=BLUE, markersize=4, label="mesh, measured")
    ax.plot(arrays["network/d"], cost["network"], "s-", color=ORANGE, markersize=4, linewidth=0.9, label="network")
    for x, y, error in zip(arrays["network/d"], cost["network"], errors, strict=True):
        ax.annotate(f"{error:.2g} %", (x, y), (0, -9), textcoords="offset points", ha="center", fontsize=7)
    ax.set(xscale="log", yscale="log", xlabel="dimension d")
    least = min(np.min(values) for values in cost.values())
    ax.set_ylim(1e-3 * least, 1e6 * max(cost["network"]))  # room for the legend below, for the crossing above
    ax.set_xlim(1.4, 140)  # room for the errors beside the outermost points
    ax.set_xticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"])
    ax.minorticks_off()


def mark_crossing(ax: Any, d: float) -> None:
    """Mark the dimension from which on the mesh costs more, if there is one."""
    if np.isfinite(d):
        ax.axvline(d, color="0.6", linewidth=0.7, linestyle=":", zorder=0)
        ax.annotate(
            f"d = {d:.0f}", (d, 1), (-2, -8), xycoords=("data", "axes fraction"), textcoords="offset points", ha="right"
        )
