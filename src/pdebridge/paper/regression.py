"""Regression against our own last reference run.

For every quantity of every cell a two-sided Welch t-test compares the seeds of this run with those of the reference.
A quantity has regressed if the difference is significant at a family-wise level of 1 % (Holm), larger than what
matters for it, and on the worse side where there is one. A quantity of one draw has no spread to be compared with and
is not tested, counts are compared as they are. A verdict that was ``reproduced`` or ``better`` and no longer
is, and a quantity that is missing, have regressed too.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import ttest_ind

from pdebridge.paper.measurements import Key

LEVEL = 0.01
GOOD = ("reproduced", "better")
# quantity's last part: (the better side, absolute threshold, threshold relative to the reference)
SIDES = {
    "accuracy": ("higher", 0.5, 0.0),
    "error": ("lower", 0.5, 0.0),
    "loss": ("lower", 0.0, 0.1),
    "parameters": ("none", 0.0, 0.0),
}
OTHER = ("none", 0.0, 0.1)
UNTESTED = ("seconds", "epochs", "bytes")  # belong to the machine or the budget


@dataclass(frozen=True)
class Finding:
    """One comparison: what, reference mean, mean now, Holm-adjusted p-value, and what is wrong (empty if nothing)."""

    what: str
    before: str
    now: str
    p: float
    problem: str


def compare(
    found: dict[Key, dict[str, Any]], reference: dict[Key, dict[str, Any]], only_shared: bool = False
) -> list[Finding]:
    """Compare the measurements of this run with the reference's.

    Args:
        found: measurements of this run.
        reference: those of the reference run.
        only_shared: do not mind quantities that are missing now (a run of a part of the experiments).
    """
    tested = {key: m for key, m in reference.items() if key[2].split("/")[-1] not in UNTESTED}
    shared = [key for key in tested if key in found]
    p = holm([p_value(key, found[key]["values"], tested[key]["values"]) for key in shared])
    findings = [_finding(key, found[key]["values"], tested[key]["values"], q) for key, q in zip(shared, p, strict=True)]
    missing = [] if only_shared else [key for key in tested if key not in found]
    return findings + [Finding("/".join(key), "measured", "", 0.0, "missing") for key in missing]


def _finding(key: Key, now: list[float], before: list[float], p: float) -> Finding:
    side, absolute, relative = relevance(key)
    mean, base = float(np.mean(now)), float(np.mean(before))
    matters = abs(mean - base) > max(absolute, relative * abs(base))
    worse = side == "none" or (mean > base) != (side == "higher")
    problem = "regressed" if p < LEVEL and matters and worse else ""
    return Finding("/".join(key), f"{base:.6g}", f"{mean:.6g}", p, problem)


def relevance(key: Key) -> tuple[str, float, float]:
    """Return the better side of a quantity and the differences that matter, absolute and relative to the reference."""
    return SIDES.get(key[2].split("/")[-1], OTHER)


def p_value(key: Key, now: list[float], before: list[float]) -> float:
    """Return the two-sided p-value of Welch's t-test; without any spread, 1 for equal and 0 for different means."""
    exact = relevance(key)[1:] == (0.0, 0.0)
    if exact or (np.ptp(now) == 0 and np.ptp(before) == 0 and min(len(now), len(before)) > 1):
        return 1.0 if np.mean(now) == np.mean(before) else 0.0
    if min(len(now), len(before)) < 2:
        return 1.0
    return float(ttest_ind(now, before, equal_var=False).pvalue)


def holm(p: list[float]) -> list[float]:
    """Return Holm's step-down adjusted p-values."""
    order = np.argsort(p)
    adjusted = np.maximum.accumulate([min(1.0, (len(p) - rank) * p[i]) for rank, i in enumerate(order)])
    return [float(adjusted[rank]) for rank in np.argsort(order)]


def compare_verdicts(now: dict[str, str], before: dict[str, str]) -> list[Finding]:
    """Return the published numbers whose verdict was good in the reference and no longer is."""
    lost = [name for name, old in before.items() if old in GOOD and now.get(name) not in GOOD]
    return [Finding(name, before[name], now.get(name, "missing"), 0.0, "verdict lost") for name in lost]
