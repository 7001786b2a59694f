"""What large steps cost: accuracy of the network and of its differential equation, for each final time ``T``."""

from pathlib import Path
from typing import Any

import numpy as np

from pdebridge.paper.figure1 import Arrays
from pdebridge.paper.style import BLUE, ORANGE, figure


def draw(arrays: Arrays, stem: Path) -> None:
    """Draw, for every cell and seed, validation accuracy of ``u_N`` and of ``u(T)``, their distance, and sensitivity.

    Args:
        arrays: the propagation study's ``numbers/cell/quantity`` arrays, one value a seed.
        stem: the path without suffix.
    """
    cells = sorted(
        {name.split("/")[1] for name in arrays if name.startswith("numbers/")}, key=lambda cell: int(cell[1:])
    )
    with figure(stem, 1, 3, width=7.0, height=2.3) as axes:
        accuracy, distance, sensitivity = axes[0]
        points(accuracy, arrays, cells, "net/accuracy", BLUE, "o", "network $u_N$", -0.08)
        points(accuracy, arrays, cells, "ode/accuracy", ORANGE, "s", "its ODE $u(T)$", 0.08)
        points(distance, arrays, cells, "ode/deviation", BLUE, "o", "", 0)
        points(sensitivity, arrays, cells, "sensitivity", BLUE, "o", "", 0)
        accuracy.set(title="(a) validation accuracy (%)", ylim=(0, 103))
        accuracy.legend(loc="lower left", handletextpad=0.1)
        distance.set(title=r"(b) $\|u_N - u(T)\| / \|u(T)\|$ (%)", ylim=(0, None))
        sensitivity.set(title=r"(c) $\max\,\|\partial u_N/\partial u_0\|_2$", yscale="log")
        for ax in axes[0]:
            ax.set_xticks(range(len(cells)), [f"T = {cell[1:]}" for cell in cells])
            ax.set_xlim(-0.5, len(cells) - 0.5)


def points(
    ax: Any, arrays: Arrays, cells: list[str], quantity: str, colour: str, marker: str, label: str, shift: float
) -> None:
    """Draw one point a seed, cell by cell."""
    for i, cell in enumerate(cells):
        values = arrays[f"numbers/{cell}/{quantity}"]
        x = np.full(len(values), i + shift)
        ax.scatter(
            x, values, s=14, marker=marker, facecolors="none", edgecolors=colour, label=label if i == 0 else None
        )
