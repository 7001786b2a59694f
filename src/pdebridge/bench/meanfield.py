"""Time of the mean field objective and its gradient, against autograd, against OT-Flow, against a matrix product.

Batch 1024, 8 Runge-Kutta steps (32 evaluations of the potential), width 32, quadratic form of rank at most 10, single
precision, one thread; forward and backward. Everything is timed in turn, round after round, and the least CPU time of
each counts, because other work on the machine can only add to it. What a certificate costs, and how sharp it is, is
measured once (`pdebridge.bench.certificates`).
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Any

import torch
from torch import Tensor

from pdebridge.allocator import keep_freed_memory
from pdebridge.bench.certificates import sharpness
from pdebridge.meanfield.derivatives import Derivatives
from pdebridge.meanfield.games import optimal_transport
from pdebridge.meanfield.objective import objective
from pdebridge.meanfield.potential import Potential, ValueFunction

BATCH, STEPS, WIDTH, RANK, DIMENSIONS = 1024, 8, 32, 10, (2, 100)
SQUARE = 1024
"""Rows of the matrices of the product that gives the attainable rate."""
SMALL_BATCH = 128
"""With one Runge-Kutta step, the size at which automatic differentiation still fits in memory and patience."""
CHECKOUT = "PDEBRIDGE_OTFLOW"


@dataclass(frozen=True)
class AutogradPotential:
    """The same potential with every derivative by automatic differentiation: what the closed forms replace."""

    potential: Potential

    @property
    def d(self) -> int:
        """Return the dimension."""
        return self.potential.d

    def __call__(self, x: Tensor, t: float) -> Tensor:
        """Return ``Phi(x, t)``."""
        return self.potential(x, t)

    def prepare(self) -> Callable[[Tensor, float], Derivatives]:
        """Return the derivatives by reverse mode and the Hessian by forward over reverse mode, all samples at once."""
        func = torch.func

        def value(x: Tensor, t: Tensor) -> Tensor:
            return self.potential(x.unsqueeze(0), t)[0]

        def derivatives(x: Tensor, t: float) -> Derivatives:
            times = x.new_full((len(x),), t)
            grad, dt = func.vmap(func.grad(value, (0, 1)))(x, times)
            hessian = func.vmap(func.hessian(value))(x, times)
            return Derivatives(grad, dt, hessian.diagonal(dim1=1, dim2=2).sum(1))

        return derivatives


def measure(otflow: Path | None = None, repetitions: int = 9) -> dict[str, Any]:
    """Return ``{"name", "ratios", "raw"}``; times in seconds, rates in flop/s.

    Args:
        otflow: a checkout of github.com/EmoryMLIP/OT-Flow to measure beside ours; by default the folder that the
            environment variable ``PDEBRIDGE_OTFLOW`` names, or none.
        repetitions: how often each time is taken.
    """
    checkout = otflow or (Path(os.environ[CHECKOUT]) if CHECKOUT in os.environ else None)
    keep_freed_memory()
    with one_thread():
        candidates: dict[str, Callable[[], object]] = {f"ours_d{d}_s": ours(d, STEPS) for d in DIMENSIONS}
        candidates |= {f"ours_small_d{d}_s": ours(d, 1, SMALL_BATCH) for d in DIMENSIONS}
        candidates["matrix_product_s"] = matrix_product()
        slow = {f"autograd_small_d{d}_s": ours(d, 1, SMALL_BATCH, autograd=True) for d in DIMENSIONS}
        if checkout is not None:
            slow |= {f"otflow_d{d}_s": theirs(checkout, d) for d in DIMENSIONS}
        raw = least_times(candidates, repetitions) | least_times(slow, 1)
        raw = {name: min(value, raw[name]) for name, value in (raw | least_times(candidates, repetitions)).items()}
        sharp, certificates = sharpness()
    raw |= rates(raw)
    return {"name": "meanfield", "ratios": ratios(raw) | sharp, "raw": raw | certificates}


def rates(raw: dict[str, float]) -> dict[str, float]:
    """Return the achieved flop/s of the objective's matrix products and of the plain product."""
    found = {f"ours_d{d}_flop_per_s": flops(d) / raw[f"ours_d{d}_s"] for d in DIMENSIONS}
    return found | {"matrix_product_flop_per_s": 2 * SQUARE**3 / raw["matrix_product_s"]}


def ratios(raw: dict[str, float]) -> dict[str, float]:
    """Return the ratios that a reader wants of the raw figures."""
    small, large = DIMENSIONS
    result = {f"time_d{large}_over_d{small}": raw[f"ours_d{large}_s"] / raw[f"ours_d{small}_s"]}
    for d in DIMENSIONS:
        result[f"autograd_over_ours_d{d}"] = raw[f"autograd_small_d{d}_s"] / raw[f"ours_small_d{d}_s"]
        result[f"share_of_matrix_product_d{d}"] = raw[f"ours_d{d}_flop_per_s"] / raw["matrix_product_flop_per_s"]
        if f"otflow_d{d}_s" in raw:
            result[f"otflow_over_ours_d{d}"] = raw[f"otflow_d{d}_s"] / raw[f"ours_d{d}_s"]
    return result


def ours(d: int, steps: int, batch: int | None = None, autograd: bool = False) -> Callable[[], None]:
    """Return one forward and backward pass of the five-term transport objective."""
    torch.manual_seed(0)
    game, potential = optimal_transport(d), Potential(d, WIDTH, min(RANK, d + 1), spread=0.1)
    x = game.initial.sample(batch or BATCH)
    value_function: ValueFunction = AutogradPotential(potential) if autograd else potential

    def once() -> None:
        potential.zero_grad()
        objective(game, value_function, x, steps).total.backward()

    return once


def theirs(checkout: Path, d: int) -> Callable[[], None]:
    """Return one forward and backward pass of OT-Flow's three-term objective at the same sizes."""
    with importable(checkout):
        from src.OTFlowProblem import OTFlowProblem  # type: ignore[import-not-found]
        from src.Phi import Phi  # type: ignore[import-not-found]
    torch.manual_seed(0)
    network = Phi(nTh=2, m=WIDTH, d=d, r=RANK)
    x = optimal_transport(d).initial.sample(BATCH)

    def once() -> None:
        network.zero_grad()
        OTFlowProblem(x, network, [0.0, 1.0], STEPS, alph=[1.0, 100.0, 5.0])[0].backward()

    return once


def flops(d: int) -> float:
    """Return the floating-point operations of all matrix products in `ours`: those of a pass forward, three times."""
    rows = WIDTH + min(RANK, d + 1)
    pairs = WIDTH * (WIDTH // 2 + 1) if d > WIDTH else WIDTH * d
    linear = rows * (rows + 1) if rows < d else 2 * rows * (d + 1)  # in the space of features or not
    per_sample = linear + 2 * WIDTH**2 + pairs * WIDTH
    return 3.0 * 2 * per_sample * BATCH * 4 * STEPS


def matrix_product() -> Callable[[], object]:
    """Return a square single-precision matrix product, ``2 n^3`` flops."""
    a = torch.randn(SQUARE, SQUARE)
    return lambda: a @ a


def least_times(candidates: Mapping[str, Callable[[], object]], repetitions: int) -> dict[str, float]:
    """Return the least CPU time of each candidate, all of them timed in turn after one warm-up."""
    for once in candidates.values():
        once()
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(repetitions):
        for name, once in candidates.items():
            start = process_time()
            once()
            times[name].append(process_time() - start)
    return {name: min(taken) for name, taken in times.items()}


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    """Let modules be imported from a folder."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
