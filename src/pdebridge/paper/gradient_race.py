"""Training with the reverse-time gradient beside training with the exact one."""

from pathlib import Path
from typing import Any

import numpy as np

from pdebridge.paper.stability import Arrays
from pdebridge.paper.style import BLUE, COLOURS, ORANGE, figure

EXACT, REVERSE = "-exact", "-reverse"
DISTINCT = [{"color": colour, "linestyle": style} for colour, style in zip(COLOURS[2:], ("-", "--", ":"), strict=False)]


def draw(arrays: Arrays, stem: Path) -> None:
    """Draw the training loss of each pair of cells, a line a seed, and how well the state was found again.

    Args:
        arrays: the histories of cells ``name-exact`` and ``name-reverse``, a row a seed and a column an epoch.
        stem: the path without suffix.
    """
    names = [name.removesuffix(f"{EXACT}/train/loss") for name in arrays if name.endswith(f"{EXACT}/train/loss")]
    with figure(stem, 1, len(names) + 1, width=7.4, height=2.3) as axes:
        *losses, states = axes[0]
        for i, (ax, name) in enumerate(zip(losses, names, strict=True)):
            lines(ax, arrays[f"{name}{EXACT}/train/loss"], color=BLUE, label="exact")
            lines(ax, arrays[f"{name}{REVERSE}/train/loss"], color=ORANGE, linestyle="--", label="reverse time")
            lines(states, arrays[f"{name}{REVERSE}/reversal/error"], **DISTINCT[i], label=name)
            ax.set(title=f"({'abcdef'[i]}) {name}: training loss", yscale="log", xlabel="epoch")
        every = [arrays[f"{name}{suffix}/train/loss"] for name in names for suffix in (EXACT, REVERSE)]
        for ax in losses:
            ax.set_ylim(0.8 * min(map(np.min, every)), 1.2 * max(map(np.max, every)))
        states.set(title=f"({'abcdef'[len(names)]}) error of the state", yscale="log", xlabel="epoch")
        states.axhline(1, color="0.6", linewidth=0.6, zorder=0)
        losses[0].legend(loc="best", borderaxespad=0)
        states.legend(loc="lower right", bbox_to_anchor=(1, 0.15), borderaxespad=0, fontsize=6.5, labelspacing=0.2)


def lines(ax: Any, rows: np.ndarray, label: str, **style: Any) -> None:
    """Draw a line a seed."""
    for j, row in enumerate(rows):
        ax.plot(np.arange(1, len(row) + 1), row, linewidth=0.9, label=None if j else label, **style)
