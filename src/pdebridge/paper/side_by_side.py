"""Two runs in one picture: the cells of a quantity one below the other, both means with their intervals."""

from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib.ticker import LogLocator

from pdebridge.paper.comparison import TOLD, Row, headline
from pdebridge.paper.measurements import Key
from pdebridge.paper.quantities import Measure, measure
from pdebridge.paper.style import BLUE, ORANGE, figure
from pdebridge.paper.verdict import interval

PANELS, CELLS, WIDE = 3, 24, 32  # at most: panels, cells of one, letters of a cell's name in one line


def draw(rows: list[Row], names: tuple[str, str], stem: Path) -> None:
    """Draw the quantities that most cells have, headline ones first; of many cells those that differ most.

    Args:
        rows: of a comparison.
        names: what the two are called.
        stem: the path without suffix.
    """
    panels = _panels(rows)
    height = 0.9 + 0.16 * max(min(len(mine), CELLS) for mine in panels.values())
    with figure(stem, 1, len(panels), width=3.3 * len(panels), height=max(height, 1.5)) as axes:
        for ax, (quantity, mine) in zip(axes[0], panels.items(), strict=True):
            shown = sorted(mine, key=_distance, reverse=True)[:CELLS]
            panel(ax, [row for row in reversed(mine) if row in shown], names)
            ax.set_title(quantity + (f" ({len(shown)} of {len(mine)} cells)" if len(shown) < len(mine) else ""))
            if ax is not axes[0, 0] and _names(ax) == _names(axes[0, 0]):
                ax.set_yticklabels([])
        handles, labels = axes[0, 0].get_legend_handles_labels()
        axes[0, 0].figure.legend(handles, labels, loc="outside lower center", ncols=2)


def _names(ax: Any) -> list[str]:
    return [label.get_text() for label in ax.get_yticklabels()]


def _panels(rows: list[Row]) -> dict[str, list[Row]]:
    """Return the rows of the quantities that are drawn, those of most cells first."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        if np.isfinite([*row.a, *row.b]).all() and row.word != "time":
            found.setdefault(row.key[2], []).append(row)
    found = found or {rows[0].key[2]: rows[:1]}
    order = sorted(found, key=lambda name: (not headline(("", "", name)), -len(found[name])))
    return {name: found[name] for name in order[:PANELS]}


def _distance(row: Row) -> tuple[bool, float]:
    """Return how much a row differs: by its spread, or as a share of itself."""
    size = row.half if np.isfinite(row.half) and row.half > 0 else abs(float(np.mean(row.a))) or 1.0
    return row.word in TOLD, abs(row.shift) / size


def panel(ax: Any, rows: list[Row], names: tuple[str, str]) -> None:
    """Draw one quantity: a line a cell, the first run above the second."""
    for values, colour, marker, name, lift in (
        ([row.a for row in rows], BLUE, "o", names[0], 0.15),
        ([row.b for row in rows], ORANGE, "s", names[1], -0.15),
    ):
        means = [interval(one) for one in values]
        bars = [one.high - one.mean if len(x) > 1 else 0.0 for one, x in zip(means, values, strict=True)]
        places = np.arange(len(rows)) + lift
        ax.errorbar([one.mean for one in means], places, xerr=bars, fmt=marker, color=colour, ms=3, lw=0.8, label=name)
    if _logarithmic(rows[0].key, rows):
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=6))
        ax.xaxis.set_major_formatter("{x:g}")
        ax.xaxis.set_minor_formatter("")
    cells = [f"{'/'.join(row.key[:2])}{' *' * (row.word in TOLD)}" for row in rows]
    ax.set_yticks(range(len(rows)), ["\n".join(wrap(cell, WIDE)) for cell in cells])
    ax.set_ylim(-0.6, len(rows) - 0.4)
    ax.tick_params(axis="y", length=0, labelsize=6)


def _logarithmic(key: Key, rows: list[Row]) -> bool:
    how = measure(key) or Measure("ratio")
    return how.way == "ratio" and all(x > 0 for row in rows for x in (*row.a, *row.b))
