"""The plain feed-forward network's cost over its training, and its regions (Higham & Higham 2019, figures 4 and 7)."""

from pathlib import Path

from pdebridge.paper.figure1 import Arrays
from pdebridge.paper.style import BLUE, MARKERS, ORANGE, figure


def draw(arrays: Arrays, stem: Path) -> None:
    """Draw the cost of every seed against the steps, and the points and regions of the best.

    Args:
        arrays: the study's ``steps``, ``cost``, ``x``, ``c``, ``seed`` and ``a``.
        stem: the path without suffix.
    """
    with figure(stem, 1, 2, width=5.2, height=2.3) as axes:
        left, right = axes[0]
        for i, cost in enumerate(arrays["cost"]):
            left.semilogy(arrays["steps"] / 1000, cost, linewidth=0.8, label=f"seed {i}")
        left.set(title="(a) cost of the ten points", xlabel="thousand steps of one sample")
        left.legend(loc="lower left")
        first, second = arrays["a"]
        right.contourf(first - second, levels=[-2, 0, 2], colors=[ORANGE, BLUE], alpha=0.25, extent=(0, 1, 0, 1))
        for label, colour, marker in zip((0, 1), (BLUE, ORANGE), MARKERS, strict=False):
            right.plot(*arrays["x"][arrays["c"] == label].T, marker, color=colour, markersize=5)
        right.set(title=f"(b) regions, seed {arrays['seed']}", xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
