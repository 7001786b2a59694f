"""A trained control in other numbers of steps: its error, the order of that, and its accuracy."""

from pathlib import Path

import numpy as np

from pdebridge.paper.stability import Arrays, look
from pdebridge.paper.style import figure


def draw(arrays: Arrays, stem: Path) -> None:
    """Draw the error of ``u_N``, its order from ``N/2`` to ``N``, and the validation accuracy; means over the seeds.

    Orders are those of the geometric mean of the errors; the legend has the one from ``N = 64`` to ``N = 256``.

    Args:
        arrays: the rediscretisation study's.
        stem: the path without suffix.
    """
    cells = [name.removesuffix("/order") for name in arrays if name.endswith("/order")]
    steps = arrays["steps"]
    with figure(stem, 1, 3, width=7.4, height=2.6) as axes:
        error, order, accuracy = axes[0]
        for i, cell in enumerate(cells):
            style = {**look(i), "markersize": 3.5, "linewidth": 0.9}
            logarithm = np.log2(arrays[f"{cell}/error"]).mean(0)
            error.plot(steps, 2**logarithm, **style, label=f"{cell}: {arrays[f'{cell}/order'].mean():.2f}")
            order.plot(steps[1:], -np.diff(logarithm), **style)
            accuracy.plot(steps, arrays[f"{cell}/accuracy"].mean(0), **style)
        for ax in axes[0]:
            for n in sorted({float(arrays[f"{cell}/trained"][0]) for cell in cells}):
                ax.axvline(n, color="0.7", linewidth=0.8, linestyle=":", zorder=0)
            ax.set(xlabel="$N$; trained at the dotted line", xscale="log", xticks=steps, xticklabels=steps)
            ax.set_xlim(steps[0] / 1.2, steps[-1] * 1.2)
            ax.minorticks_off()
        error.set(yscale="log")
        error.set_title("(a) $|u_N - u(T)| \\,/\\, |u(T)|$")
        error.legend(loc="lower left", fontsize=6, title="order, 64 to 256", title_fontsize=6, borderaxespad=0)
        order.set(ylim=(0, 6), title="(b) observed order, $N/2$ to $N$")
        for p in (1, 4):
            order.axhline(p, color="0.7", linewidth=0.8, zorder=0)
        accuracy.set_title("(c) validation accuracy (%)")
