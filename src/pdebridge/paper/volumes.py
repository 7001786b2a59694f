"""Volumes: slices with masks, the affected share of every case, scores, and memory against the size of a volume."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb

from pdebridge.paper.stability import Arrays, look
from pdebridge.paper.style import BLUE, ORANGE, figure

GIB = 2**30


def draw(arrays: Arrays, stem: Path) -> None:
    """Draw what the studies volumes and volume-memory found.

    Args:
        arrays: of both; without those of volume-memory its panel says so.
        stem: the path without suffix.
    """
    cells = [name.removeprefix("cases/predicted/") for name in arrays if name.startswith("cases/predicted/")]
    columns = max(4, 2 + len(cells))
    with figure(stem, 3, columns, width=1.9 * columns, height=6.0) as axes:
        for i in range(2):
            draw_slices(axes[i], arrays, i, cells)
        for ax in axes[2, 4:]:
            ax.set_axis_off()
        draw_shares(axes[2, 0], arrays, cells)
        draw_scores(axes[2, 1], arrays, cells, "lung", "(b) Dice of the lung (%)")
        draw_scores(axes[2, 2], arrays, cells, "lesion", "(c) Dice of the lesion (%)")
        draw_memory(axes[2, 3], arrays)


def draw_slices(row: Any, arrays: Arrays, i: int, cells: list[str]) -> None:
    """Draw one slice: the image, its mask, and what every network says."""
    image = arrays[f"slice/{i}/image"]
    masks = {"": None, "truth": arrays[f"slice/{i}/true"]}
    masks |= {cell: arrays[f"slice/{i}/predicted/{cell}"] for cell in cells}
    for ax in row:
        ax.set_axis_off()
    for ax, (name, mask) in zip(row, masks.items(), strict=False):
        ax.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="none")
        if mask is not None:
            draw_mask(ax, mask)
        ax.set_title(name or "image")


def draw_mask(ax: Any, mask: np.ndarray) -> None:
    """Colour the voxels of every label above 0."""
    for label, colour in ((1, BLUE), (2, ORANGE)):
        layer = np.zeros((*mask.shape, 4))
        layer[..., :3] = to_rgb(colour)
        layer[..., 3] = 0.5 * (mask == label)
        ax.imshow(layer, interpolation="none")


def draw_shares(ax: Any, arrays: Arrays, cells: list[str]) -> None:
    """Draw the share that is predicted, with the interval that validation cases give it, against the true one."""
    true = arrays["cases/true"]
    end = 1.15 * float(true.max())
    ax.plot([0, end], [0, end], color="0.8", linewidth=0.8)
    for i, cell in enumerate(cells):
        shift, half = arrays[f"cases/interval/{cell}"]
        style = look(i) | {"linestyle": "none"}
        moved = true + 0.006 * end * (2 * i - 1)
        found = arrays[f"cases/predicted/{cell}"] - shift
        ax.errorbar(moved, found, half if np.isfinite(half) else 0, **style, markersize=3, elinewidth=0.5, label=cell)
    ax.set(xlabel="true share (%)", ylabel="predicted (%)", title="(a) affected share of the lungs")
    ax.legend(loc="upper left", fontsize=6, handletextpad=0.1)


def draw_scores(ax: Any, arrays: Arrays, cells: list[str], structure: str, title: str) -> None:
    """Draw the score of every case, and their mean."""
    for i, cell in enumerate(cells):
        values = arrays[f"dice/{structure}/{cell}"]
        ax.scatter(np.full(len(values), i), values, s=8, color=look(i)["color"], alpha=0.6)
        ax.hlines(np.nanmean(values), i - 0.25, i + 0.25, color=look(i)["color"])
    ax.set_xticks(range(len(cells)), cells, fontsize=6)
    ax.set(title=title, xlim=(-0.6, len(cells) - 0.4), ylim=(None, 100))


def draw_memory(ax: Any, arrays: Arrays) -> None:
    """Draw the peak of a step against the side of a cube: counted as lines, computed as points, resident hollow."""
    ax.set_title("(d) memory of a step (GiB)")
    if "memory/cells" not in arrays:
        ax.set_axis_off()
        ax.text(0.5, 0.5, "not measured", ha="center", va="center", transform=ax.transAxes, color="0.4")
        return
    sides, measured = arrays["memory/sides"], arrays["memory/measured"]
    for i, name in enumerate(arrays["memory/cells"]):
        style = {"color": look(i)["color"], "marker": look(i)["marker"]}
        largest = int(arrays[f"memory/{name}/largest"])
        plain = {"color": style["color"], "linewidth": 0.9, "label": f"{name}: {largest}"}
        ax.plot(sides, arrays[f"memory/{name}/counted/bytes"] / GIB, **plain)
        ax.plot(measured, arrays[f"memory/{name}/bytes"] / GIB, **style, linestyle="none", markersize=3.5)
        hollow = {"markerfacecolor": "white", "markersize": 3.5, "linestyle": "none"}
        ax.plot(measured, arrays[f"memory/{name}/resident/bytes"] / GIB, **style, **hollow)
    ax.axhline(16, color="0.6", linewidth=0.5)
    ax.set(xscale="log", yscale="log", xlabel="voxels along an axis")
    ax.set_xticks(sides, [str(n) for n in sides], fontsize=6)
    ax.minorticks_off()
    ax.legend(loc="upper left", fontsize=5.5, title="largest side in 16 GiB", title_fontsize=5.5)
