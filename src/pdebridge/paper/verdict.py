"""The verdict on a published number, as statistics.

A published number is one draw of unknown spread. It counts as reproduced if it lies in the 95 % prediction interval of
our seeds, ``mean +- t_{0.975, n-1} s sqrt(1 + 1/n)``, and our mean is within the row's relevance threshold of it.
Exact quantities (counts, closed forms) are compared with the threshold alone.
"""

from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev
from typing import Literal

from scipy.special import stdtrit

from pdebridge.configuration.load import carries
from pdebridge.configuration.model import Scale
from pdebridge.paper.published import EXACT, PublishedNumber

Verdict = Literal[
    "reproduced",
    "better",
    "worse",
    "differs",
    "too few seeds",
    "not run at this scale",
    "source unconfirmed",
]
LEVEL = 0.95
SEEDS = 3  # fewer give no verdict


@dataclass(frozen=True)
class Interval:
    """Mean of ``n`` seeds, the 95 % confidence interval of the mean and the 95 % prediction interval of a new draw."""

    n: int
    mean: float
    spread: float
    low: float
    high: float
    prediction_low: float
    prediction_high: float


def interval(values: list[float]) -> Interval:
    """Return Student's intervals; with one value they are infinite."""
    n, mean = len(values), fmean(values)
    if n < 2:
        return Interval(n, mean, float("nan"), float("-inf"), float("inf"), float("-inf"), float("inf"))
    s, t = stdev(values), float(stdtrit(n - 1, (1 + LEVEL) / 2))
    mean_half, new_half = t * s / sqrt(n), t * s * sqrt(1 + 1 / n)
    return Interval(n, mean, s, mean - mean_half, mean + mean_half, mean - new_half, mean + new_half)


def verdict(number: PublishedNumber, values: list[float] | None, scale: Scale) -> Verdict:
    """Judge our values, one a seed and measured at ``scale``, against a published number."""
    if number.status == "unconfirmed":
        return "source unconfirmed"
    if not values or not comparable(number, scale):
        return "not run at this scale"
    if number.kind in EXACT:
        exact = all(abs(value - number.value) <= number.threshold for value in values)
        return "reproduced" if exact else "differs"
    if len(values) < SEEDS:
        return "too few seeds"
    ours = interval(values)
    inside = ours.prediction_low <= number.value <= ours.prediction_high
    if inside and abs(ours.mean - number.value) <= number.threshold:
        return "reproduced"
    return _side(number, ours.mean)


def comparable(number: PublishedNumber, scale: Scale) -> bool:
    """Tell whether a run at ``scale`` uses the published setting; at ``test`` only exact quantities are comparable."""
    return carries(scale, number.scale) and (scale != "test" or number.kind in EXACT)


def _side(number: PublishedNumber, mean: float) -> Verdict:
    if number.direction == "none":
        return "differs"
    return "better" if (mean > number.value) == (number.direction == "higher") else "worse"
