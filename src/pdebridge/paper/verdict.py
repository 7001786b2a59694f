"""The verdict on a published number: one rule, whose rates of error are simulated (`operating`).

Model. A published number is the mean of ``m`` runs of the authors; ``m = 1`` where the source does not say. Our ``n``
runs differ by their seeds. With our mean and standard deviation ``x, s`` and the source's ``p, r`` the difference is
``d = x - p``, and its 95 % interval ``d +- h`` has

    h = t_{0.975, f} sqrt(s^2 / n + r^2 / m).

Where the source prints no spread, ``r = s`` and ``f = n - 1``; where it does, ``f`` is Welch's; where only the source
has one (we ran once), ``s = r`` and ``f = m - 1``. With the row's threshold ``tau``, the difference that matters:

- *better*, *worse*: the difference is significant, ``|d| > h``, and matters, ``|d| > tau``;
- *inconclusive* otherwise, if a difference of ``6 tau`` is not excluded, ``|d| + h > 6 tau``, or if fewer than three
  runs on either side tell the spread;
- *reproduced*, if ``|d| <= tau``; *compatible*, if it is larger but not significant.

A run of ours that is not finite has *failed*: it is neither near the number nor far from it.

Counts, closed forms and claims are compared with the threshold alone. Where neither side is better the number was to be
met, and a miss is called *worse*.
"""

from dataclasses import dataclass
from math import inf, isfinite, isnan, nan, sqrt
from statistics import fmean, stdev
from typing import Literal, get_args

from scipy.special import stdtrit

from pdebridge.configuration.load import carries
from pdebridge.configuration.model import Scale
from pdebridge.paper.published import EXACT, PublishedNumber

Verdict = Literal[
    "reproduced", "compatible", "better", "worse", "failed", "inconclusive", "not run", "source unconfirmed"
]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
LEVEL = 0.95
RUNS = 3  # fewer on both sides do not tell a spread
WIDEST = 6.0  # thresholds: what an interval must exclude to say anything


@dataclass(frozen=True)
class Interval:
    """Mean of ``n`` seeds, their standard deviation and the 95 % confidence interval of the mean."""

    n: int
    mean: float
    spread: float
    low: float
    high: float


def interval(values: list[float]) -> Interval:
    """Return Student's interval; with one value it is infinite."""
    n, mean = len(values), fmean(values)
    if n < 2:
        return Interval(n, mean, float("nan"), float("-inf"), float("inf"))
    s = stdev(values) if all(map(isfinite, values)) else nan
    half = quantile(n - 1) * s / sqrt(n)
    return Interval(n, mean, s, mean - half, mean + half)


def quantile(f: float) -> float:
    """Return Student's 97.5 % quantile with ``f`` degrees of freedom."""
    return float(stdtrit(f, (1 + LEVEL) / 2))


@dataclass(frozen=True)
class Difference:
    """Ours less the published number, and the half-width of its 95 % interval; infinite where no spread is known."""

    value: float
    half_width: float


def welch(*samples: tuple[int, float]) -> tuple[float, float]:
    """Return degrees of freedom and standard error of a difference, or sum, of means, by Welch and Satterthwaite.

    Args:
        samples: size and standard deviation of each; one that is 0 counts for nothing, all of them give 0 and infinity.
    """
    parts = [s**2 / n for n, s in samples]
    freedom = sum(part**2 / (n - 1) for part, (n, _) in zip(parts, samples, strict=True) if part)
    return sum(parts) ** 2 / freedom if freedom else inf, sqrt(sum(parts))


def difference(number: PublishedNumber, ours: Interval) -> Difference:
    """Return ``d`` and ``h`` of the model."""
    n, m = ours.n, number.runs or 1
    d = ours.mean - number.value
    s2 = ours.spread**2 if n >= RUNS else None
    r2 = number.spread**2 if number.spread and m >= RUNS else None
    if s2 is not None and r2 is not None:
        f, error = welch((n, ours.spread), (m, number.spread or 0.0))
        return Difference(d, quantile(f) * error)
    if s2 is not None:
        return Difference(d, quantile(n - 1) * sqrt(s2 * (1 / n + 1 / m)))
    if r2 is not None:
        return Difference(d, quantile(m - 1) * sqrt(r2 * (1 / n + 1 / m)))
    return Difference(d, float("inf"))


def verdict(
    number: PublishedNumber, ours: Interval | None, values: list[float], scale: Scale, epochs: float = nan
) -> Verdict:
    """Judge our number against a published one.

    Args:
        number: the published one.
        ours: the interval of our seeds; None if there are none.
        values: the seeds themselves, which exact kinds are judged by.
        scale: at which they were measured.
        epochs: of their training; nan where there is none.
    """
    if number.status == "unconfirmed":
        return "source unconfirmed"
    if ours is None or not comparable(number, scale, epochs):
        return "not run"
    if not isfinite(ours.mean) or not all(map(isfinite, values)):
        return "failed"
    if number.kind in EXACT:
        met = all(abs(value - number.value) <= number.threshold for value in values)
        return "reproduced" if met else _side(number, ours.mean - number.value)
    return judge(number, difference(number, ours))


def judge(number: PublishedNumber, found: Difference) -> Verdict:
    """Return the verdict on a measured row."""
    d, h, tau = found.value, found.half_width, number.threshold
    if abs(d) > max(h, tau):
        return _side(number, d)
    if abs(d) + h > WIDEST * tau:
        return "inconclusive"
    return "reproduced" if abs(d) <= tau else "compatible"


def comparable(number: PublishedNumber, scale: Scale, epochs: float = nan) -> bool:
    """Tell whether a run used the published setting: its scale, and the source's epochs where they are known.

    At scale ``test`` only exact kinds are comparable.
    """
    if number.epochs is not None and not isnan(epochs) and epochs != number.epochs:
        return False
    return carries(scale, number.scale) and (scale != "test" or number.kind in EXACT)


def _side(number: PublishedNumber, d: float) -> Verdict:
    return "better" if number.direction != "none" and (d > 0) == (number.direction == "higher") else "worse"
