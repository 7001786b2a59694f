"""The verdict on a claim: where the 95 % interval of its statistic lies.

With the means and standard deviations ``x, s`` of ``n`` and ``y, r`` of ``m`` seeds, half-widths are

    value        t_{n-1} s / sqrt(n)
    difference   t_f sqrt(s^2 / n + r^2 / m)                          f by Welch; of one cell, by seed, as a value
    ratio        exp of log(x / y) +- t_f sqrt(s^2 / (n x^2) + r^2 / (m y^2)), by the delta method
    slope        t_{k-2} times the standard error of the straight line through ``k`` points (log a, log x)

A number that is computed, not drawn, has no spread. The claim says that the statistic lies beyond ``bound``:

- *supported*: the whole interval does;
- *opposite*: the whole interval lies beyond ``null``, where there is no effect, on the other side;
- *not supported*: the whole interval lies short of the bound;
- *undecided*: the bound lies in the interval, or one seed tells no spread;
- *not run*: something that it needs was not measured at its scale.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, hypot, inf, isfinite, log, sqrt
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from pdebridge.configuration.model import Scale
from pdebridge.paper.claims import NAMED, Claim, Measured
from pdebridge.paper.evidence import Found, interval_of
from pdebridge.paper.tables import plain
from pdebridge.paper.verdict import Interval, interval, quantile, welch

ClaimVerdict = Literal["supported", "not supported", "opposite", "undecided", "not run"]
CLAIM_VERDICTS: tuple[ClaimVerdict, ...] = get_args(ClaimVerdict)


@dataclass(frozen=True)
class Estimate:
    """A statistic, its 95 % interval and the seeds, or points, that it was taken of."""

    value: float
    low: float
    high: float
    n: int


def estimate(claim: Claim, found: Found) -> Estimate | None:
    """Return the statistic of a claim; None if something that it needs was not measured.

    Args:
        claim: what is computed of what.
        found: the measurements of its scale.
    """
    if any(key not in found for key in claim.measured()):
        return None
    drawn = {key: _drawn(interval_of(found[key]), claim.computed) for key in claim.measured()}
    if isinstance(claim.of, dict):
        return _slope({abscissa: drawn[key].mean for abscissa, key in claim.of.items()})
    x, y = drawn[claim.of], drawn.get(claim.against) if claim.against else None
    if claim.against and claim.statistic == "difference" and claim.of[:2] == claim.against[:2]:
        x, y = _by_seed(found[claim.of]["values"], found[claim.against]["values"], claim.computed), None
    if y is None:
        return Estimate(x.mean, x.low, x.high, x.n)
    return (_ratio if claim.statistic == "ratio" else _difference)(x, y)


def _drawn(one: Interval, computed: bool) -> Interval:
    """Return an interval; a single value that was computed is a point."""
    return Interval(1, one.mean, 0.0, one.mean, one.mean) if computed and one.n == 1 else one


def _by_seed(x: list[float], y: list[float], computed: bool) -> Interval:
    """Return the interval of the differences of two quantities of the same networks."""
    return _drawn(interval([a - b for a, b in zip(x, y, strict=True)]), computed)


def _difference(x: Interval, y: Interval) -> Estimate:
    half, d = _welch((x.n, x.spread), (y.n, y.spread)), x.mean - y.mean
    return Estimate(d, d - half, d + half, _seeds(x, y))


def _ratio(x: Interval, y: Interval) -> Estimate:
    half, d = _welch((x.n, x.spread / x.mean), (y.n, y.spread / y.mean)), log(x.mean / y.mean)
    return Estimate(exp(d), exp(d - half), exp(d + half) if half < inf else inf, _seeds(x, y))


def _seeds(*samples: Interval) -> int:
    """Return the seeds of the smaller sample; what was computed has none."""
    return min((one.n for one in samples if one.spread), default=1)


def _welch(*samples: tuple[int, float]) -> float:
    """Return the half-width of a difference of two means; infinite where a spread is not known."""
    if not all(isfinite(spread) for _, spread in samples):
        return inf
    f, error = welch(*samples)
    return quantile(f) * error if error else 0.0


def _slope(means: Mapping[float, float]) -> Estimate:
    a, x = np.log(list(means)), np.log(list(means.values()))
    (slope, at_zero), away, k = np.polyfit(a, x, 1), a - a.mean(), len(a)
    error = float(np.linalg.norm(x - slope * a - at_zero)) / sqrt(k - 2) / hypot(*away)
    half = quantile(k - 2) * error
    return Estimate(float(slope), float(slope) - half, float(slope) + half, k)


def judged(claim: Claim, ours: Estimate | None) -> ClaimVerdict:
    """Return the verdict on a claim."""
    if ours is None:
        return "not run"
    sign = 1 if claim.holds == "above" else -1
    near, far = sorted((sign * ours.low, sign * ours.high))
    if near > sign * claim.bound:
        return "supported"
    if claim.null is not None and far < sign * claim.null:
        return "opposite"
    return "not supported" if far < sign * claim.bound else "undecided"


def claim_table(
    claims: Mapping[str, Claim], evidence: Mapping[Scale, Found], references: Mapping[str, Mapping[str, Any]]
) -> pd.DataFrame:
    """Return a row a claim, in the order of the file: what was found, and the verdict on it."""
    return pd.DataFrame([_row(name, claim, evidence, references) for name, claim in claims.items()])


def _row(
    name: str, claim: Claim, evidence: Mapping[Scale, Found], references: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    found = evidence.get(claim.scale, {})
    ours = estimate(claim, found)
    survey = references[claim.source.reference].get("survey")
    return {
        "claim": claim.claim,
        "verdict": judged(claim, ours),
        "found": shown(ours) if ours else "",
        "wanted": f"{claim.holds} {plain(claim.bound)}",
        "statistic": in_words(claim),
        "scale": claim.scale,
        "source": f"{f'[{survey}] ' if survey else ''}{claim.source.reference}, {claim.source.locator}",
        "figure": claim.figure or "",
        "experiment": claim.measured()[0][0],
        "note": " ".join(NAMED.sub(lambda name: _mean(name.groups(), found), claim.note).split()),
        "id": name,
    }


def _mean(key: Any, found: Found) -> str:
    return f"{interval_of(found[key]).mean:.4g}" if key in found else "(not run)"


def shown(ours: Estimate) -> str:
    """Return an estimate with its interval, as far as it has one."""
    if ours.low == ours.high:
        return f"{ours.value:.4g}"
    if not isfinite(ours.low + ours.high):
        return f"{ours.value:.4g} (no interval)"
    return f"{ours.value:.4g} ({ours.low:.3g} to {ours.high:.3g}; n = {ours.n})"


def in_words(claim: Claim) -> str:
    """Return what is computed of which measurements."""
    if isinstance(claim.of, dict):
        abscissas = list(claim.of)
        ends = f"{plain(abscissas[0])} to {plain(abscissas[-1])}"
        return f"slope of log {_name(claim.of[abscissas[0]])} and on, over {ends}"
    if claim.against is None:
        return _name(claim.of)
    return f"{_name(claim.of)} {'/' if claim.statistic == 'ratio' else 'less'} {_rest(claim.against, claim.of)}"


def _name(measured: Measured) -> str:
    experiment, cell, quantity = measured
    return f"`{experiment}/{cell}: {quantity}`"


def _rest(other: Measured, first: Measured) -> str:
    """Return the part of a name in which it differs from the first."""
    if other[0] == first[0] and other[2] == first[2]:
        return f"`{other[1]}`"
    if other[:2] == first[:2]:
        return f"`{other[2]}`"
    return _name(other)
