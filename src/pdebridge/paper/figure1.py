"""Figure 1 of Ruthotto, SIAM News 2021: data, propagated features, classifier; and the trajectories between."""

from pathlib import Path
from typing import Any

import numpy as np

from pdebridge.paper.style import BLUE, MARKERS, ORANGE, figure

Arrays = dict[str, np.ndarray]
TINTS = ["#d5e6f2", "#f8decf"]
CELL = "T5"
PANELS = [
    ("y", "(a) data"),
    ("u", "(b) features $u_N$, linear classifier"),
    ("y", "(c) classifier in the data space"),
    ("u", "(d) trajectories $u(t)$"),
]


def draw(arrays: Arrays, stem: Path) -> None:
    """Draw the article's three panels for the cell ``T5``, and beside them the trajectories ``u(t)``.

    Args:
        arrays: the propagation study's, named ``cell/array``.
        stem: the path without suffix.
    """
    part = {name.removeprefix(f"{CELL}/"): array for name, array in arrays.items() if name.startswith(f"{CELL}/")}
    with figure(stem, 2, 2, width=6.0, height=6.0) as axes:
        (a, b), (c, d) = axes
        scatter(a, part["y"], part["c"])
        draw_features(b, part)
        draw_regions(c, part)
        draw_paths(d, part)
        a.set(xlim=c.get_xlim(), ylim=c.get_ylim())
        d.set(xlim=b.get_xlim(), ylim=b.get_ylim())
        a.legend(loc="upper right", handletextpad=0.1, borderaxespad=0, markerscale=2)
        for ax, (symbol, title) in zip((a, b, c, d), PANELS, strict=True):
            ax.set_title(title)
            ax.set_aspect("equal")
            ax.set_xlabel(f"${symbol}_1$")
            ax.set_ylabel(f"${symbol}_2$", rotation=0)


def scatter(ax: Any, points: np.ndarray, c: np.ndarray) -> None:
    """Draw the points of the two classes, alternately on top."""
    for k, colour in enumerate((BLUE, ORANGE)):
        x = points[c == k]
        ax.scatter(x[:, 0], x[:, 1], s=5, color=colour, marker=MARKERS[k], linewidths=0, label=f"class {k + 1}")


def draw_features(ax: Any, part: Arrays) -> None:
    """Draw the projected features over the prediction of the linear classifier and its decision line."""
    u = part["features"][:, :2]
    w, m = np.diff(part["weight"], axis=0)[0], np.diff(part["bias"])[0]
    everything = part["paths"][:, :, :2].reshape(-1, 2)
    low, high = np.minimum(u.min(0), everything.min(0)), np.maximum(u.max(0), everything.max(0))
    xs, ys = ((low + high) / 2)[:, None] + 0.55 * (high - low).max() * np.linspace(-1, 1, 400)
    value = w[0] * xs[None, :] + w[1] * ys[:, None] + m
    ax.contourf(xs, ys, value, levels=[-np.inf, 0, np.inf], colors=TINTS)
    ax.contour(xs, ys, value, levels=[0], colors="black", linewidths=1)
    scatter(ax, u, part["c"])


def draw_regions(ax: Any, part: Arrays) -> None:
    """Draw the predicted class on the data space and the data."""
    xs, ys = part["axes"]
    ax.contourf(xs, ys, part["regions"], levels=[-0.5, 0.5, 1.5], colors=TINTS)
    ax.contour(xs, ys, part["regions"], levels=[0.5], colors="black", linewidths=1)
    scatter(ax, part["y"], part["c"])


def draw_paths(ax: Any, part: Arrays) -> None:
    """Draw the first two coordinates of some trajectories, from ``u_0`` (hollow) to ``u_N`` (full)."""
    for k, colour in enumerate((BLUE, ORANGE)):
        paths = part["paths"][:, part["paths_c"] == k]
        ax.plot(paths[:, :, 0], paths[:, :, 1], color=colour, linewidth=0.4, alpha=0.5)
        ax.scatter(
            *paths[0, :, :2].T, s=9, facecolors="white", edgecolors=colour, linewidths=0.6, marker=MARKERS[k], zorder=3
        )
        ax.scatter(*paths[-1, :, :2].T, s=9, color=colour, linewidths=0, marker=MARKERS[k], zorder=3)
