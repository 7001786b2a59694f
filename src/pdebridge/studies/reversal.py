"""How exactly a block of steps is undone: against depth, step size, precision and normalisation."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from pdebridge.catalogue import DYNAMICS
from pdebridge.cube import load
from pdebridge.dynamics.base import Dynamics
from pdebridge.dynamics.control import PiecewiseConstant
from pdebridge.dynamics.field import Field
from pdebridge.integrators.base import Integrator, State
from pdebridge.integrators.leapfrog import Leapfrog
from pdebridge.integrators.march import advance, retreat
from pdebridge.integrators.midpoint import Midpoint
from pdebridge.integrators.verlet import Verlet
from pdebridge.studies.result import Measurement, StudyResult

WIDTH, PIXELS, SEEDS = 32, 10, 3
DEPTHS = (10, 100, 400)
DEPTH = 100  # at which precisions and step sizes are compared
SWEPT = ("hamiltonian-tv", "leapfrog-tv", "hamiltonian-plain", "leapfrog-plain", "midpoint-plain")
PRECISIONS = {"float64": torch.float64, "bfloat16": torch.bfloat16, "mixed": torch.float32}
STEP_SIZES = (0.1, 0.3, 1.0)
WORST = 1e6  # stands for every error above it, and for overflow


class TwoLevelLeapfrog(Leapfrog):
    """``y_{k+1} = 2 y_k - y_{k-1} + h^2 F(y_k)``, ``y_{-1} = y_0``: the published form, with its cancellation."""

    def start(self, u: Tensor) -> State:
        """Return ``(y_0, y_{-1}) = (u, u)``."""
        return (u, u)

    def step(self, F: Field, state: State, h: float) -> State:
        """Advance ``(y_k, y_{k-1})``."""
        y, before = state
        return ((2 * y).sub(before).add(F(y), alpha=h * h), y)

    def inverse(self, F: Field, state: State, h: float) -> State:
        """Recover ``(y_k, y_{k-1})``: the recursion is its own inverse."""
        after, y = state
        return (y, (2 * y).sub(after).add(F(y), alpha=h * h))


class Scheme(NamedTuple):
    """A dynamics by name with its options, and a reversible step."""

    dynamics: str
    integrator: Integrator
    options: dict[str, Any]

    def build(self, deviation: float) -> Dynamics:
        """Return the dynamics, whose kernels have entries of a standard deviation."""
        dynamics: Dynamics = load(DYNAMICS[self.dynamics])(WIDTH, scale=deviation, operator="conv2d", **self.options)
        return dynamics


TV = {"activation": "relu", "normalisation": "tv"}
PLAIN = {"activation": "tanh", "normalisation": "none"}
SCHEMES = {
    "hamiltonian-tv": Scheme("hamiltonian", Verlet(), TV),
    "hamiltonian-plain": Scheme("hamiltonian", Verlet(), PLAIN),
    "leapfrog-tv": Scheme("second-order", Leapfrog(), TV),
    "two-level-tv": Scheme("second-order", TwoLevelLeapfrog(), TV),
    "leapfrog-plain": Scheme("second-order", Leapfrog(), PLAIN),
    "midpoint-plain": Scheme("antisymmetric", Midpoint(), {"activation": "tanh", "half": False}),
    "revnet-tv": Scheme("coupling", Verlet(), TV),
}
ROWS = [
    *(("hamiltonian-tv", *at) for at in ((0.05, 0.1), (0.2, 1.0))),
    *(("hamiltonian-plain", *at) for at in ((0.05, 1.0), (0.2, 1.0))),
    *(("leapfrog-tv", *at) for at in ((0.05, 0.1), (0.2, 1.0))),
    *(("two-level-tv", *at) for at in ((0.05, 0.1), (0.2, 1.0))),
    ("leapfrog-plain", 0.05, 1.0),
    *(("midpoint-plain", *at) for at in ((0.05, 0.1), (0.05, 1.0))),
    ("revnet-tv", 0.2, 1.0),
]


@torch.no_grad()
def reversal(runs: list[Path]) -> StudyResult:
    """Advance random features ``N`` steps, retreat, and compare: ``|u_0 recovered - u_0| / |u_0|``.

    Kernels are Gaussian, new at every step, on 32 channels of 10 x 10 pixels. Rows are a scheme with the standard
    deviation of the kernels and the step size; each is measured with three seeds:

    - ``float32/N10/digits``, ``.../N100/...``, ``.../N400/...``: correct digits, ``-log10`` of the relative error;
    - ``float64/N100/digits``, ``bfloat16/N100/digits``: states and weights in that precision;
    - ``mixed/N100/digits``: states and updates in float32, ``F`` under bfloat16 autocast;
    - ``amplification``: ``|u_N| / |u_0|`` for ``N = 100`` in float64.

    Arrays: ``row/quantity``, one value a seed, and ``h/scheme``, digits in float32 for ``N = 100`` and deviation 0.2
    at the step sizes ``h``, ``(sizes, seeds)``.

    Args:
        runs: not used; the study stands for itself.
    """
    table: dict[str, dict[str, list[float]]] = {}
    for scheme, deviation, h in ROWS:
        cell = table[f"{scheme}-sd{deviation:g}-h{h:g}"] = {}
        for seed in range(SEEDS):
            for quantity, value in row(SCHEMES[scheme], deviation, h, seed):
                cell.setdefault(quantity, []).append(value)
    arrays = {f"{cell}/{quantity}": np.array(v) for cell, found in table.items() for quantity, v in found.items()}
    arrays |= {f"h/{name}": sweep(SCHEMES[name]) for name in SWEPT} | {"h": np.array(STEP_SIZES)}
    measurements = [Measurement("reversal", cell, q, v, []) for cell, found in table.items() for q, v in found.items()]
    return StudyResult(measurements, arrays)


def row(scheme: Scheme, deviation: float, h: float, seed: int) -> Iterator[tuple[str, float]]:
    """Yield the quantities of one row and seed."""
    for steps in DEPTHS:
        yield f"float32/N{steps}/digits", digits(round_trip(scheme, deviation, h, steps, "float32", seed)[0])
    for precision in PRECISIONS:
        error, amplification = round_trip(scheme, deviation, h, DEPTH, precision, seed)
        yield f"{precision}/N{DEPTH}/digits", digits(error)
        if precision == "float64":
            yield "amplification", amplification


def sweep(scheme: Scheme) -> np.ndarray:
    """Return the digits in float32 for each step size and seed."""
    errors = [[round_trip(scheme, 0.2, h, DEPTH, "float32", s)[0] for s in range(SEEDS)] for h in STEP_SIZES]
    return np.array([[digits(error) for error in seeds] for seeds in errors])


def round_trip(
    scheme: Scheme, deviation: float, h: float, steps: int, precision: str, seed: int
) -> tuple[float, float]:
    """Return the relative error of the recovered features, and ``|u_N| / |u_0|``."""
    torch.manual_seed(seed)
    dtype, F, step = PRECISIONS.get(precision, torch.float32), scheme.build(deviation), scheme.integrator
    theta = [w.detach().to(dtype) for w in PiecewiseConstant(F, steps).sample(steps, step.abscissae)]
    u = torch.randn(1, WIDTH, PIXELS, PIXELS).to(dtype)
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "mixed"):
        end = advance(step, F, theta, step.start(u), steps, h)
        back = step.finish(retreat(step, F, theta, end, steps, h))
    size = torch.linalg.vector_norm(u.double())
    error = torch.linalg.vector_norm(back.double() - u.double()) / size
    return float(error), float(torch.linalg.vector_norm(step.finish(end).double()) / size)


def digits(error: float) -> float:
    """Return ``-log10(error)``, at most the 16 of float64 and at least -6 where the error is huge or not finite."""
    return -math.log10(min(max(error, 1e-16), WORST)) if math.isfinite(error) else -math.log10(WORST)
