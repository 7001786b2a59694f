"""A trained control in other numbers of steps: its error and its accuracy."""

from pathlib import Path

import numpy as np

from pdebridge.paper.stability import Arrays, look
from pdebridge.paper.style import figure


def draw(arrays: Arrays, stem: Path) -> None:
    """Draw the error of ``u_N``, with the observed order, and the validation accuracy against ``N``.

    Args:
        arrays: the rediscretisation study's.
        stem: the path without suffix.
    """
    cells = [name.removesuffix("/order") for name in arrays if name.endswith("/order")]
    steps = arrays["steps"]
    with figure(stem, 1, 2, width=7.0, height=2.8) as axes:
        error, accuracy = axes[0]
        for i, cell in enumerate(cells):
            style = {**look(i), "markersize": 4, "linewidth": 0.9}
            label = f"{cell}: order {arrays[f'{cell}/order'].mean():.2f}"
            error.plot(steps, np.exp(np.log(arrays[f"{cell}/error"]).mean(0)), **style, label=label)
            accuracy.plot(steps, arrays[f"{cell}/accuracy"].mean(0), **style)
        for ax in (error, accuracy):
            for n in sorted({float(arrays[f"{cell}/trained"][0]) for cell in cells}):
                ax.axvline(n, color="0.7", linewidth=0.8, linestyle=":", zorder=0)
            ax.set(xlabel="$N$; trained at the dotted line", xscale="log", xticks=steps, xticklabels=steps)
            ax.minorticks_off()
        error.set(yscale="log")
        error.set_title("(a) $|u_N - u(T)| \\,/\\, |u(T)|$")
        error.legend(loc="best", fontsize=6)
        accuracy.set_title("(b) validation accuracy (%)")
