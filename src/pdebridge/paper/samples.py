"""What a game's accuracy costs against the dimension: cells of a mesh, samples of a network."""

from pathlib import Path

import numpy as np

from pdebridge.paper.dimension import against_dimension, mark_crossing
from pdebridge.paper.figure1 import Arrays
from pdebridge.paper.game import cell
from pdebridge.paper.style import figure

AXIS = np.geomspace(2, 100, 200)


def draw(arrays: Arrays, stem: Path) -> None:
    """Draw cells times steps of the coarsest mesh that is as good as the network in the plane, and samples drawn.

    In d dimensions as many cells along each axis are assumed, which favours the mesh: its error there is not known.

    Args:
        arrays: the mesh study's ``CELL/samples/...``; the first cell is drawn.
        stem: the path without suffix.
    """
    name = min(key.split("/samples/")[0] for key in arrays if "/samples/" in key)
    part = cell(arrays, f"{name}/samples")
    d = np.unique(part["d"])
    error = np.array([np.abs(part["error"][part["d"] == one]).mean() for one in d])
    drawn = np.array([part["drawn"][part["d"] == one].mean() for one in d])
    n, steps = sufficient(part, error[0])
    curve = steps * float(n) ** AXIS
    found = {"curve/d": AXIS, "square/d": np.array([2]), "network/d": d}
    with figure(stem, 1, 1, width=3.5, height=2.6) as axes:
        ax = axes[0, 0]
        against_dimension(
            ax, found, {"curve": curve, "square": curve[:1], "network": drawn}, [f"{e:.2g} %" for e in error]
        )
        mark_crossing(ax, crossing(curve, np.interp(np.log(AXIS), np.log(d), drawn)))
        ax.set_title(f"cells ({n} an axis, {steps} time steps) and samples")
        ax.legend(loc="lower right", fontsize=7)


def sufficient(part: Arrays, error: float) -> tuple[int, int]:
    """Return cells along an axis and time steps of the coarsest mesh with at most this error, or of the finest."""
    good = np.flatnonzero(part["mesh-error"] <= error)
    i = good[0] if len(good) else -1
    return int(part["cells"][i]), int(part["steps"][i])


def crossing(mesh: np.ndarray, network: np.ndarray) -> float:
    """Return the first dimension with more cells of the mesh than samples of the network; nan if there is none."""
    dearer = np.flatnonzero(mesh > network)
    return float(AXIS[dearer[0]]) if len(dearer) else float("nan")
