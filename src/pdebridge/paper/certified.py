"""Certified accuracy against the radius, beside the accuracy under attack, for every network."""

from pathlib import Path

from pdebridge.paper.robustness import means_with_bars
from pdebridge.paper.stability import Arrays, look
from pdebridge.paper.style import figure


def draw(arrays: Arrays, stem: Path) -> None:
    """Draw mean certified accuracy as lines and mean accuracy under attack with its 95 % interval as marks.

    Args:
        arrays: the study ``certified``'s.
        stem: the path without suffix.
    """
    cells = [name.removesuffix("/certified") for name in arrays if name.endswith("/certified")]
    with figure(stem, 1, 2, width=6.4, height=2.8) as axes:
        ax, names = axes[0]
        for i, cell in enumerate(cells):
            colour = look(i)["color"]
            ax.plot(arrays["radius"], arrays[f"{cell}/certified"].mean(0), color=colour, linewidth=1.2)
            means_with_bars(ax, arrays["attacked"], arrays[f"{cell}/attacked"].T, i)
            ax.get_lines()[-1].set_linestyle("none")
        ax.set(title="certified (lines), attacked (marks)", xlabel=r"$\|\delta\|_2$ (1/255)", ylabel="accuracy (%)")
        ax.set_ylim(0, 102)
        names.set_axis_off()
        names.legend(ax.get_lines()[1::2], cells, loc="center left", borderaxespad=0)
