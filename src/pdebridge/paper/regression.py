"""Did the numbers get worse? A comparison of two runs that sees.

Where processor kind, instruction set, threads, torch and BLAS are those of the reference, equality is expected bit for
bit, and whatever moved is listed. What moved, or was computed with other arithmetic, is compared by statistics:
rounding leads a training elsewhere. The reference holds repeats of trainings whose initial weights moved by an ulp.
Let ``k_i`` be the draws of seed ``i``, the committed one and its repeats, and ``sigma`` their standard deviation within
seeds. The mean over seeds of ``x_i``, less the mean of the reference's draws, has the variance

    sigma^2 / n^2 sum_i (1 + 1 / k_i),          sigma^2 (1/n + 1/(nk)) for equal k.

Where there are no repeats ``sigma`` is the spread over seeds, which is larger. A cell's ``sigma^2`` is drawn to that of
its experiment's cells, as by four to ten more degrees of freedom: the fewer, the more the cells' spreads differ. Each
cell is tested, and each experiment by the mean over its cells; all tests of one comparison have a family-wise level of
1 % (Holm), 0.8 % for the headline quantities.

Numbers without spread have a tolerance in their unit (`quantities`). A change to the better is news and never a fault;
NaN and infinity are faults. Chaotic quantities are declared and not tested.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import chain
from math import isfinite
from typing import Any, Literal

import numpy as np
from scipy.optimize import brentq
from scipy.special import digamma, polygamma
from scipy.stats import t as student

from pdebridge.paper.evidence import Evidence, timed
from pdebridge.paper.measurements import Key
from pdebridge.paper.quantities import Measure, chaotic, measure

LEVELS = {True: 0.008, False: 0.002}  # of the headline quantities and of all others
PRIOR = (4.0, 10.0)  # fewest and most degrees of freedom of an experiment's spread in that of a cell
WILD = 25.0  # a cell of so many times the median variance says nothing of the others
LEAST = {"points": 0.1, "ratio": 0.005, "value": 1e-4, "exact": 0.0}  # a spread below it is held for this

Problem = Literal["", "missing", "not finite", "changed", "beyond tolerance", "regressed", "verdict lost"]


@dataclass(frozen=True)
class Finding:
    """One difference.

    Attributes:
        cell: ``experiment/cell``, or the experiment alone for a test over its cells.
        quantity: its name.
        before, now: means, as text.
        problem: what is wrong; empty for news.
        news: what a difference without fault is called.
        p: adjusted p-value; nan where nothing was tested.
    """

    cell: str
    quantity: str
    before: str
    now: str
    problem: Problem = ""
    news: str = ""
    p: float = float("nan")


@dataclass
class Comparison:
    """What a comparison found.

    Attributes:
        findings: faults and news.
        equal: how many quantities are bit for bit those of the reference.
        moved: quantities that are not, by ``experiment/cell``; those of equal arithmetic first in the reports.
        same: cells whose arithmetic is the reference's.
        untested: chaotic quantities that moved, and why.
    """

    findings: list[Finding] = field(default_factory=list)
    equal: int = 0
    moved: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    same: set[str] = field(default_factory=set)
    untested: dict[str, str] = field(default_factory=dict)

    @property
    def faults(self) -> list[Finding]:
        """The findings that are wrong."""
        return [finding for finding in self.findings if finding.problem]

    @property
    def unexpected(self) -> dict[str, list[str]]:
        """What moved although its arithmetic is that of the reference."""
        return {cell: names for cell, names in self.moved.items() if cell in self.same}


@dataclass(frozen=True)
class Shift:
    """A moved quantity with a spread: the mean shift, and the variance of one draw within seeds, with its freedom."""

    key: Key
    mean: float
    share: float
    """The shift's variance over that of a draw."""
    variance: float
    freedom: int


def compare(now: Evidence, reference: Evidence, partial: bool = False) -> Comparison:
    """Compare a run with a reference.

    Args:
        now: the run.
        reference: what it should be like.
        partial: do not mind what the run does not have.
    """
    found = Comparison()
    shifts: dict[tuple[str, str], list[Shift]] = defaultdict(list)
    for key, before in reference.measurements.items():
        if timed(key[2]) or "summary" in before:
            continue
        if key not in now.measurements:
            found.findings += [] if partial else [_finding(key, before["values"], [], "missing")]
            continue
        _one(found, shifts, key, now, reference)
    for headline in LEVELS:
        groups = {g: s for g, s in shifts.items() if _measure(s[0].key).headline is headline}
        found.findings += _tested(groups, now, reference, LEVELS[headline])
    return found


def _measure(key: Key) -> Measure:
    how = measure(key)
    assert how is not None  # times are left out before
    return how


def _one(found: Comparison, shifts: dict[Any, list[Shift]], key: Key, now: Evidence, reference: Evidence) -> None:
    """Sort one quantity: equal, chaotic, a fault at once, or a shift that is to be tested."""
    new, old, cell = now.measurements[key]["values"], reference.measurements[key]["values"], "/".join(key[:2])
    if same_arithmetic(now.provenance.get(key[:2], {}), reference.provenance.get(key[:2], {})):
        found.same.add(cell)
    if np.array_equal(new, old, equal_nan=True):
        found.equal += 1
        return
    if why := chaotic(key):
        found.untested["/".join(key)] = why
        return
    found.moved[cell].append(key[2])
    how = _measure(key)
    if not all(map(isfinite, new)) and all(map(isfinite, old)):
        found.findings.append(_finding(key, old, new, "not finite"))
    elif how.way == "exact":
        found.findings.append(_finding(key, old, new, "changed"))
    elif all(map(isfinite, chain(old, new))) and (shift := _shift(key, how, now, reference)):
        shifts[key[0], key[2]].append(shift)
    elif not how.tolerated(new, old):
        worse = how.worse(float(np.mean(new)) - float(np.mean(old)))
        found.findings.append(_finding(key, old, new, "beyond tolerance" if worse else "", "improved"))


def same_arithmetic(now: dict[str, Any], reference: dict[str, Any]) -> bool:
    """Tell whether two cells were computed with the same arithmetic; what is not known is not the same."""
    return bool(now.get("arithmetic")) and now.get("arithmetic") == reference.get("arithmetic")


def _finding(
    key: Key, old: list[float], new: list[float], problem: Problem, news: str = "", p: float = np.nan
) -> Finding:
    before, after = (f"{float(np.mean(values)):.6g}" if values else "" for values in (old, new))
    return Finding("/".join(key[:2]), key[2], before, after, problem, "" if problem else news, p)


def _draws(key: Key, how: Measure, reference: Evidence) -> list[np.ndarray]:
    """Return the draws of each seed: the committed one and its repeats."""
    repeats = reference.repeats.get(key, {})
    return [how.transform([x, *repeats.get(i, [])]) for i, x in enumerate(reference.measurements[key]["values"])]


def spread(key: Key, how: Measure, reference: Evidence) -> tuple[float, int] | None:
    """Return the variance of a draw within seeds and its degrees of freedom; None if nothing tells it."""
    draws = _draws(key, how, reference)
    freedom = sum(len(d) - 1 for d in draws)
    if freedom:
        return sum(float(((d - d.mean()) ** 2).sum()) for d in draws) / freedom, freedom
    over_seeds = float(np.var([d[0] for d in draws], ddof=1)) if len(draws) > 1 else 0.0
    return (over_seeds, len(draws) - 1) if np.isfinite(over_seeds) and over_seeds > 0 else None


def _shift(key: Key, how: Measure, now: Evidence, reference: Evidence) -> Shift | None:
    """Return the shift of a quantity that has a spread; None if it has none."""
    found = spread(key, how, reference)
    if found is None:
        return None
    pairs = list(zip(how.transform(now.measurements[key]["values"]), _draws(key, how, reference), strict=False))
    mean = float(np.mean([x - d.mean() for x, d in pairs]))
    return Shift(key, mean, sum(1 + 1 / len(d) for _, d in pairs) / len(pairs) ** 2, *found)


def _pooled(key: Key, how: Measure, reference: Evidence) -> tuple[float, int, float, float]:
    """Return what the cells of an experiment, moved or not, say of a cell's variance; the wild ones are left out.

    Their pooled variance with its degrees of freedom, and the typical one with those that it stands for in a cell.
    """
    mine = [o for o in reference.measurements if (o[0], o[2]) == (key[0], key[2]) and not chaotic(o)]
    found = [one for other in mine if (one := spread(other, how, reference))]
    tame = [one for one in found if one[0] <= WILD * float(np.median([variance for variance, _ in found]))]
    freedom = sum(f for _, f in tame)
    pooled = sum(f * variance for variance, f in tame) / freedom
    return pooled, freedom, *typical(tame, pooled, min(PRIOR[1], freedom))


def typical(found: list[tuple[float, int]], pooled: float, most: float) -> tuple[float, float]:
    """Return the prior variance and its degrees of freedom, by moments of the logarithms (Smyth 2004, section 6.2).

    ``log s^2`` of a cell with ``f`` degrees of freedom varies by ``psi'(f/2)`` by itself; what it varies beyond that is
    ``psi'(d/2)`` of the prior. Cells that differ little have the pooled variance and the ``most`` degrees of freedom.
    """
    s, f = np.array([one for one in found if one[0] > 0], dtype=float).reshape(-1, 2).T
    if len(s) < 3:
        return pooled, most
    e = np.log(s) - digamma(f / 2) + np.log(f / 2)
    beyond = float(e.var(ddof=1) - polygamma(1, f / 2).mean())
    if beyond <= polygamma(1, most / 2):
        return pooled, most
    least = min(PRIOR[0], most)
    d = least if beyond >= polygamma(1, least / 2) else 2 * float(brentq(lambda x: polygamma(1, x) - beyond, 1, 9))
    return float(np.exp(e.mean() + digamma(d / 2) - np.log(d / 2))), d


def _tested(
    groups: dict[tuple[str, str], list[Shift]], now: Evidence, reference: Evidence, level: float
) -> list[Finding]:
    """Return the significant shifts, of cells and of whole experiments."""
    tests = [test for shifts in groups.values() for test in _tests(shifts, reference)]
    adjusted = holm([p for _, p, _ in tests])
    return [
        _judged(key, shift, q, now, reference) for (key, _, shift), q in zip(tests, adjusted, strict=True) if q < level
    ]


def _tests(shifts: list[Shift], reference: Evidence) -> list[tuple[Key, float, float]]:
    """Return key, two-sided p-value and shift of every cell, and of their mean under the cell's name ``""``."""
    how = _measure(shifts[0].key)
    pooled, freedom, typical, prior = _pooled(shifts[0].key, how, reference)
    floors = [(LEAST[how.way] * _size(s.key, how, reference)) ** 2 for s in shifts]
    errors = [
        s.share * max((s.freedom * s.variance + prior * typical) / (s.freedom + prior), floor)
        for s, floor in zip(shifts, floors, strict=True)
    ]
    found = [
        (s.key, _p(s.mean, error, s.freedom if s.variance > WILD * pooled else min(s.freedom + prior, freedom)), s.mean)
        for s, error in zip(shifts, errors, strict=True)
    ]
    tame = [(s.mean, e) for s, e in zip(shifts, errors, strict=True) if s.variance <= WILD * pooled]
    if len(tame) > 1:
        mean = float(np.mean([shift for shift, _ in tame]))
        key = (shifts[0].key[0], "", shifts[0].key[2])
        found.append((key, _p(mean, sum(e for _, e in tame) / len(tame) ** 2, freedom), mean))
    return found


def _size(key: Key, how: Measure, reference: Evidence) -> float:
    """Return what the least spread is relative to."""
    return abs(float(np.mean(reference.measurements[key]["values"]))) if how.way == "value" else 1.0


def _p(shift: float, variance: float, freedom: float) -> float:
    return float(2 * student.sf(abs(shift) / np.sqrt(variance), freedom)) if variance > 0 else float(shift == 0)


def _judged(key: Key, shift: float, p: float, now: Evidence, reference: Evidence) -> Finding:
    how = _measure(key)
    problem: Problem = "regressed" if how.side != "none" and how.worse(shift) else ""
    news = "" if problem else "moved" if how.side == "none" else "improved"
    if key[1]:
        old, new = (e.measurements[key]["values"] for e in (reference, now))
        return _finding(key, old, new, problem, news, p)
    by = f"{shift:+.3g}" if how.way != "ratio" else f"{100 * np.expm1(shift):+.3g} %"
    return Finding(key[0], key[2], "", f"{by} over its cells", problem, news, p)


def holm(p: list[float]) -> list[float]:
    """Return Holm's step-down adjusted p-values."""
    order = np.argsort(p)
    adjusted = np.maximum.accumulate([min(1.0, (len(p) - rank) * p[i]) for rank, i in enumerate(order)])
    return [float(adjusted[rank]) for rank in np.argsort(order)]
