"""What quantities are: their unit, their better side, how they are compared, and which differences matter.

A difference has the unit of its quantity: accuracies move by percentage points, losses by ratios, counts not at all.
"""

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pdebridge.paper.measurements import Key

Side = Literal["higher", "lower", "none"]
Way = Literal["points", "ratio", "value", "exact"]
FLOOR = 1e-12  # of a ratio: below it stands rounding


@dataclass(frozen=True)
class Measure:
    """How a quantity is compared.

    Attributes:
        way: ``points``: by differences; ``ratio``: by logarithms; ``value``: relative to the reference; ``exact``.
        side: which side is better.
        limit: the largest difference of a quantity without statistics that passes: points, or a share.
        headline: whether its trained values are tested for each experiment.
    """

    way: Way
    side: Side = "none"
    limit: float = 0.0
    headline: bool = False

    def transform(self, values: list[float]) -> np.ndarray:
        """Return values on the scale on which they are compared."""
        x = np.asarray(values, dtype=float)
        return np.log(np.maximum(np.abs(x), FLOOR)) if self.way == "ratio" else x

    def tolerated(self, now: list[float], before: list[float]) -> bool:
        """Tell whether the means differ by no more than `limit`."""
        a, b = (float(self.transform(values).mean()) for values in (now, before))
        if self.way == "exact":
            return now == before
        limit = {"points": self.limit, "ratio": float(np.log1p(self.limit)), "value": self.limit * abs(b) + 1e-9}
        return abs(a - b) <= limit[self.way]

    def worse(self, change: float) -> bool:
        """Tell whether a change is to the worse; where neither side is better, every one is."""
        return self.side == "none" or (change > 0) != (self.side == "higher")


# the first pattern that matches the whole name decides
MEASURES: list[tuple[str, Measure | None]] = [
    (r"(.*/)?seconds", None),  # belong to the machine
    (
        r"epochs|parameters|unknowns|steps(/.*)?|cycles/.*|cells|trained/N|.*/holds|refinement/flag|certificate/proof",
        Measure("exact"),
    ),
    (r"formula/.*|work(/.*)?|exact/.*|eigenvalue/.*", Measure("value", "none", 1e-6)),
    (r"resident/bytes", None),  # and to its kernels and allocator
    (r"counted/bytes", Measure("value", "lower", 1e-6)),
    (r"side-in-16GiB", Measure("value", "higher", 1e-6)),
    (r"(.*/)?(bytes|memory)", Measure("value", "lower", 0.05)),
    (r"(.*/)?nfe/.*", Measure("ratio", "lower", 0.15)),
    (r"(val|test)/accuracy", Measure("points", "higher", 0.5, headline=True)),
    (r"(.*/)?accuracy", Measure("points", "higher", 0.5)),
    (r"(train|val|test)/error", Measure("points", "lower", 0.5)),  # per cent, as the accuracies beside them
    (r"(train|val|test)/one-step|baseline/ratio|branch/deviation", Measure("ratio", "lower", 1.0)),
    (r"horizon|energy/error|gradient/ratio|lyapunov/.*", Measure("value", "none", 0.5)),
    (r"(val|test)/loss|train/objective", Measure("ratio", "lower", 0.1, headline=True)),
    (r"(val|test)/dice-.*|(val|test)/fraction-.*", Measure("points", "none", 2.0)),  # per cent, percentage points
    (r"paired/.*|fraction/.*", Measure("points", "none", 13.0)),  # the same, of few cases: one of eight
    (r"(.*/)?loss|objective/final|gradient/final", Measure("ratio", "lower", 0.1)),
    (r"cost/total", Measure("value", "lower", 0.005, headline=True)),
    (r"cost/total-train-nt", Measure("value", "lower", 0.005)),
    (r"contractive/growth|lipschitz", Measure("ratio", "lower", 1.0)),
    (r"(certificate/bound|spectral/(margin|certified))", Measure("value", "higher", 0.05)),
    (r"(.*/)?digits", Measure("points", "higher", 0.5)),
    (r"refinement/change", Measure("points", "lower", 0.1)),  # per cent of the cost; below a tenth nobody minds
    # errors of solutions, states and gradients are pure numbers over many decades: a factor of two
    (r"(.*/)?error(/.*)?|mesh/.*|hjb/.*|kl/min|change|state/.*", Measure("ratio", "lower", 1.0)),
    # of one trained network: rounding leads the training elsewhere
    (r"spectrum/.*|growth|amplification|sensitivity|.*/deviation", Measure("value", "none", 0.5)),
    (r"limit|bound|order(/.*)?|cost/.*|iterations", Measure("value", "none", 0.05)),
    (r".*", Measure("value", "none", 0.02)),
]
CHAOTIC: list[tuple[str, str, str, str]] = [
    (
        "gradients",
        r"E3/.*",
        r".*",
        "the reverse solution leaves the trajectory: rounding decides its error",
    ),
    (
        "digits",
        r"hyperbolic",
        r".*(accuracy|loss|error|objective|growth)|memory",
        "an ulp in the initial weights decides whether it learns, and whether its reversal falls back to checkpoints:"
        " three of nine repeats stayed at chance",
    ),
    *(
        (name, r".*", r"spectrum/.*", "of one trained network, whose repeats are not studied")
        for name in ("digits", "ellipses", "mnist")
    ),
    ("demonstration", r".*", r"energy/error", "an unstable step amplifies rounding without bound"),
]
"""Experiment, patterns of cell and quantity, and why: not tested."""


def measure(key: Key) -> Measure | None:
    """Return how a quantity is compared; None for times."""
    return next(found for pattern, found in MEASURES if re.fullmatch(pattern, key[2]))


def chaotic(key: Key) -> str:
    """Return why a quantity cannot be repeated; empty if it can."""
    fits = (
        why
        for experiment, cell, quantity, why in CHAOTIC
        if key[0] == experiment and re.fullmatch(cell, key[1]) and re.fullmatch(quantity, key[2])
    )
    return next(fits, "")
