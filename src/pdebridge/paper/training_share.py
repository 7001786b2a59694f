"""Accuracy on test images against the number of training images, for networks named ``family-share``."""

from pathlib import Path

import numpy as np

from pdebridge.paper.robustness import means_with_bars
from pdebridge.paper.stability import Arrays
from pdebridge.paper.style import figure


def draw(arrays: Arrays, stem: Path) -> None:
    """Draw mean accuracy of unchanged images and its 95 % interval over the seeds.

    Args:
        arrays: the robustness study's ``cell/images`` and ``cell/noise``, whose first column is without noise.
        stem: the path without suffix.
    """
    cells = [name.removesuffix("/images") for name in arrays if name.endswith("/images")]
    families = dict.fromkeys(cell.rpartition("-")[0] for cell in cells)
    with figure(stem, 1, 1, width=3.4, height=2.5) as axes:
        ax = axes[0, 0]
        for i, family in enumerate(families):
            part = sorted((c for c in cells if c.rpartition("-")[0] == family), key=lambda c: arrays[f"{c}/images"])
            sizes = np.array([arrays[f"{cell}/images"] for cell in part])
            accuracies = np.array([arrays[f"{cell}/noise"][:, 0] for cell in part])
            means_with_bars(ax, sizes * (1 + 0.02 * i), accuracies, i, family)
        ax.set(xscale="log", xlabel="training images", ylabel="test accuracy (%)")
        ax.set_xticks(sizes, [f"{size:.0f}" for size in sizes])
        ax.minorticks_off()
        ax.legend(loc="lower right")
