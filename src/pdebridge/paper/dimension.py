"""What an error costs against the dimension, mesh against network, and where they cross."""

from pathlib import Path
from typing import Any

import numpy as np

from pdebridge.paper.stability import Arrays, look
from pdebridge.paper.style import BLUE, ORANGE, figure

MIB = 2**20


def draw(arrays: Arrays, stem: Path) -> None:
    """Draw error against unknowns on meshes of several dimensions; bytes and seconds to reach the networks' errors.

    Beside each network stands its error, and in brackets that of the best affine function.

    Args:
        arrays: the dimension study's.
        stem: the path without suffix.
    """
    errors = (arrays[f"network/error/{name}"] for name in ("relative-l2", "affine"))
    labels = [f"{error:.2g} %\n({affine:.2g} %)" for error, affine in zip(*errors, strict=True)]
    with figure(stem, 1, 3, width=7.2, height=2.9) as axes:
        meshes, memory, seconds = axes[0]
        draw_errors(meshes, arrays)
        meshes.set_title("(a) finite differences")
        for ax, name, unit, title in (
            (memory, "bytes", MIB, "(b) memory (MiB), same error"),
            (seconds, "seconds", 1.0, "(c) seconds, same error"),
        ):
            both = {kind: arrays[f"{kind}/{name}"] / unit for kind in ("curve", "square", "network")}
            against_dimension(ax, arrays, both, labels, above=ax is seconds)
            mark_crossing(ax, float(arrays[f"crossing/{name}"]))
            ax.set_title(title)
        seconds.text(0.97, 0.03, "error (best affine function's)", transform=seconds.transAxes, ha="right", fontsize=7)
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


def against_dimension(
    ax: Any, arrays: Arrays, cost: dict[str, np.ndarray], labels: list[str], above: bool = False
) -> None:
    """Draw a cost of mesh and network against d: points were measured, the dashed line is extrapolated.

    The line stands for as many cells as the error needs, the points for the next whole number of cells an axis.

    Args:
        ax: axes.
        arrays: dimensions ``curve/d``, ``square/d``, ``network/d``.
        cost: of ``curve`` and ``square`` (mesh) and ``network``.
        labels: written beside each network.
        above: whether they stand above it.
    """
    d = arrays["curve/d"]
    ax.plot(d, cost["curve"], color=BLUE, linestyle="--", linewidth=0.9, label="mesh, extrapolated")
    ax.plot(arrays["square/d"], cost["square"], "o", color=BLUE, markersize=4, label="mesh, measured")
    ax.plot(
        arrays["network/d"],
        cost["network"],
        "s-",
        color=ORANGE,
        markersize=4,
        linewidth=0.9,
        label="network",
    )
    place = ((0, 4), "bottom") if above else ((0, -5), "top")
    for x, y, label in zip(arrays["network/d"], cost["network"], labels, strict=True):
        ax.annotate(label, (x, y), place[0], textcoords="offset points", ha="center", va=place[1], fontsize=7)
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
