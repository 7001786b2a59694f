"""Two runs side by side, quantity by quantity: commits, scales, folders of results, or single trainings.

A quantity has the values ``a`` and ``b``, one a seed, on the scale on which it is compared (`quantities`: losses by
their logarithms). Where both have a spread, the difference ``mean(b) - mean(a)`` has Welch's 95 % interval, and its
p-values are adjusted over the whole comparison (Holm) to a family-wise level of 1 %. Where one has none, the tolerance
of the quantity decides. `regress` asks another question, whether a run is that of its reference, with repeats as
spread.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from math import isfinite
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import stdtr

from pdebridge.errors import UserError
from pdebridge.paper.evidence import Evidence
from pdebridge.paper.measurements import Key
from pdebridge.paper.quantities import Measure, measure
from pdebridge.paper.regression import holm
from pdebridge.paper.tables import mean_and_half_width
from pdebridge.paper.verdict import quantile, welch

LEVEL = 0.01
Word = Literal["equal", "better", "worse", "changed", "within", "time"]
TOLD = ("better", "worse", "changed")


@dataclass(frozen=True)
class Row:
    """One quantity of one cell on both sides.

    Attributes:
        key: experiment, cell, quantity.
        a, b: their values, one a seed.
        shift: difference of the means on the scale of comparison; nan where a value is not finite.
        half: half-width of its 95 % interval; nan without spread.
        p: two-sided, adjusted; nan without spread.
        word: ``equal`` bit for bit; ``better``, ``worse``; ``changed`` where neither side is better; else ``within``
            spread or tolerance; ``time`` is not judged.
    """

    key: Key
    a: list[float]
    b: list[float]
    shift: float
    half: float
    p: float
    word: Word


@dataclass(frozen=True)
class Pair:
    """What two runs have in common, and the cells that one of them has alone."""

    rows: list[Row]
    only_a: list[str]
    only_b: list[str]


def beside(a: Evidence, b: Evidence) -> Pair:
    """Set two runs side by side; two that are one cell each are compared whatever their cells are called.

    Raises:
        UserError: they have no quantity in common.
    """
    (mine, *more), (other, *others) = (_cells(a) or [("", "")]), (_cells(b) or [("", "")])
    if mine != other and not more and not others:
        pair = (mine[0], f"{mine[1]} | {other[1] if other[0] == mine[0] else '/'.join(other)}")
        a, b = _renamed(a, pair), _renamed(b, pair)
    keys = [key for key, m in a.measurements.items() if m["values"] and _values(b, key)]
    if not keys:
        raise UserError("the two have no quantity of a cell in common")
    rows = [_row(key, _values(a, key), _values(b, key)) for key in keys]
    tested = [i for i, row in enumerate(rows) if isfinite(row.p)]
    for i, p in zip(tested, holm([rows[i].p for i in tested]), strict=True):
        rows[i] = replace(rows[i], p=p)
    only_a, only_b = (["/".join(cell) for cell in _cells(x) if cell not in _cells(y)] for x, y in ((a, b), (b, a)))
    return Pair([replace(row, word=_word(row)) for row in rows], only_a, only_b)


def _cells(one: Evidence) -> list[tuple[str, str]]:
    return list(dict.fromkeys(key[:2] for key, m in one.measurements.items() if m["values"]))


def _values(one: Evidence, key: Key) -> list[float]:
    return list(one.measurements.get(key, {}).get("values", []))


def _renamed(one: Evidence, cell: tuple[str, str]) -> Evidence:
    return Evidence({(*cell, key[2]): m for key, m in one.measurements.items()})


def _row(key: Key, a: list[float], b: list[float]) -> Row:
    how = measure(key) or Measure("ratio")
    x, y = how.transform(a), how.transform(b)
    shift = float(y.mean() - x.mean()) if np.isfinite([*x, *y]).all() else float("nan")
    half = p = float("nan")
    if how.way != "exact" and isfinite(shift) and min(len(a), len(b)) > 1:
        freedom, error = welch((len(a), float(x.std(ddof=1))), (len(b), float(y.std(ddof=1))))
        if error > 0:
            half = quantile(freedom) * error
            p = float(2 * stdtr(freedom, -abs(shift) / error))
    return Row(key, a, b, shift, half, p, "within")


def _word(row: Row) -> Word:
    how = measure(row.key)
    if np.array_equal(row.a, row.b, equal_nan=True):
        return "equal"
    if how is None:
        return "time"
    tolerated = isfinite(row.shift) and how.tolerated(row.b, row.a)
    if row.p >= LEVEL or (not isfinite(row.p) and tolerated):
        return "within"
    if how.side == "none" or not isfinite(row.shift):
        return "changed"
    return "worse" if how.worse(row.shift) else "better"


def chosen(pair: Pair, patterns: list[str]) -> list[Row]:
    """Return the rows whose quantity fits a pattern; without patterns those that tell most.

    These are the headline quantities, without the equal ones if there are others, and whatever differs.
    """
    if patterns:
        return [row for row in pair.rows if any(fnmatch(row.key[2], pattern) for pattern in patterns)]
    told = [row for row in pair.rows if headline(row.key) or row.word in TOLD]
    return [row for row in told if row.word != "equal"] or told or pair.rows


def headline(key: Key) -> bool:
    """Tell whether a quantity is one that a reader looks at first."""
    how = measure(key)
    return how is not None and how.headline


def frame(rows: list[Row], a: str, b: str) -> pd.DataFrame:
    """Return rows as a table: means with 95 % half-widths over seeds, the difference and its word."""
    found = [
        {
            "cell": "/".join(row.key[:2]),
            "quantity": row.key[2],
            a: mean_and_half_width(row.a),
            b: mean_and_half_width(row.b),
            "difference": difference(row),
            "p": f"{row.p:.2g}" if isfinite(row.p) and row.word != "equal" else "",
            "verdict": row.word,
        }
        for row in rows
    ]
    return pd.DataFrame(found)


def difference(row: Row) -> str:
    """Return the difference with its half-width in the unit in which it is compared: points, or per cent.

    Of a ratio the half-width is that of its logarithm.
    """
    how = measure(row.key) or Measure("ratio")
    if row.word == "equal" or not isfinite(row.shift):
        return ""
    if how.way in ("points", "exact"):
        return f"{row.shift:+.4g}" + (f" ± {row.half:.2g}" if isfinite(row.half) else "")
    base = 1.0 if how.way == "ratio" else abs(float(np.mean(row.a)))
    if base == 0:
        return f"{row.shift:+.4g}"
    share = 100 * (float(np.expm1(row.shift)) if how.way == "ratio" else row.shift / base)
    half = 100 * row.half / base
    return f"{share:+.3g} %" + (f" ± {half:.{2 if half < 100 else 3}g} %" if isfinite(half) else "")


def short(a: str, b: str) -> tuple[str, str]:
    """Return what two runs are called: their paths from where they differ, or a last part."""
    parts, others = Path(a).parts, Path(b).parts
    same, last = 0, min(len(parts), len(others)) - 1
    while same < last and parts[same] == others[same]:
        same += 1
    names = "/".join(parts[same:]), "/".join(others[same:])
    return names if names[0] != names[1] else (f"{names[0]} (1)", f"{names[1]} (2)")


def sentences(pair: Pair, a: str, b: str) -> Iterator[str]:
    """Yield what the comparison comes to."""
    counts = {word: sum(row.word == word for row in pair.rows) for word in ("equal", *TOLD, "within")}
    yield (
        f"{len(pair.rows)} quantities in both: {counts['equal']} equal bit for bit, {counts['better']} better and"
        f" {counts['worse']} worse in {b}, {counts['changed']} changed, {counts['within']} within spread or tolerance;"
        f" family-wise level {LEVEL:g}."
    )
    for name, cells in ((a, pair.only_a), (b, pair.only_b)):
        if cells:
            more = f" and {len(cells) - 5} more" if len(cells) > 5 else ""
            yield f"Only in {name}: {', '.join(cells[:5])}{more}."
