"""Error, time and evaluations of a trained neural ODE: Figure 3 of Chen et al. (NeurIPS 2018)."""

from pathlib import Path
from typing import Any

import numpy as np

from pdebridge.paper.stability import Arrays, look
from pdebridge.paper.style import figure


def draw(arrays: Arrays, stem: Path) -> None:
    """Draw the four panels, each with what became of its published counterpart.

    Args:
        arrays: the nfe study's.
        stem: the path without suffix.
    """
    cells = [name.removesuffix("/holds") for name in arrays if name.endswith("/holds")]
    with figure(stem, 1, 4, width=7.4, height=2.5) as axes:
        error, seconds, backward, growth = axes[0]
        for i, cell in enumerate(cells):
            forward = mean(arrays, cell, "nfe/forward")
            error.plot(forward, mean(arrays, cell, "logits/error"), **line(i), label=cell)
            seconds.plot(forward, 1e3 * mean(arrays, cell, "seconds"), **line(i))
            backward.plot(forward, mean(arrays, cell, "nfe/backward"), **line(i))
            for row in arrays[f"{cell}/nfe/forward"]:
                growth.plot(np.arange(1, len(row) + 1), row, color=look(i)["color"], linewidth=0.8)
        end = backward.get_xlim()[1]
        backward.plot([0, end], [0, end / 2], color="0.5", linewidth=0.8, linestyle=":")
        backward.text(end, end / 2, "half", color="0.4", ha="right", va="bottom")
        error.set(ylabel="relative error of the logits", yscale="log")
        error.legend(loc="best", borderaxespad=0)
        seconds.set(ylabel="forward pass (ms)", ylim=(0, None))
        backward.set(ylabel="backward NFE, adjoint", xlim=(0, end), ylim=(0, None))
        growth.set(xlabel="epoch", ylabel="forward NFE in training", ylim=(0, 1.1 * growth.get_ylim()[1]))
        for ax in (error, seconds, backward):
            ax.set(xlabel="forward NFE")
        for ax, letter, held in zip(axes[0], "abcd", holds(arrays, cells), strict=True):
            ax.set_title(f"({letter}) {held}")


def mean(arrays: Arrays, cell: str, quantity: str) -> Any:
    """Return a quantity's mean over the seeds, by tolerance."""
    return arrays[f"{cell}/sweep/{quantity}"].mean(0)


def line(i: int) -> dict[str, Any]:
    """Return the look of the ``i``-th cell's curve."""
    return {**look(i), "markersize": 3 + 2 * i, "markerfacecolor": "none", "linewidth": 0.9}  # curves may coincide


def holds(arrays: Arrays, cells: list[str]) -> list[str]:
    """Return per panel whether every run shows what the published one does, or how many do."""
    runs = np.concatenate([arrays[f"{cell}/holds"] for cell in cells])
    names = {len(runs): "as published", 0: "not as published"}
    return [names.get(int(n), f"as published in {int(n)}/{len(runs)}") for n in runs.sum(0)]
