"""Multigrid in time on a deep network: errors cycle by cycle, and the length of the schedule on many processes."""

import math
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pdebridge.bench.control import measure
from pdebridge.bench.deep_network import WIDTH, network, relative
from pdebridge.bench.schedule import COARSEST, chain
from pdebridge.gradients.layer_parallel import LayerParallel
from pdebridge.gradients.stored import stored
from pdebridge.networks.flow import Flow
from pdebridge.studies.curve import Curve, measurements
from pdebridge.studies.result import Measurement, StudyResult

SAMPLES = 200
CYCLES = range(1, 7)
# depth, weights and options of the solver
CASES: dict[str, tuple[int, str, dict[str, Any]]] = {
    "N256-m2": (256, "smooth", {"factor": 2}),
    "N256-m4": (256, "smooth", {"factor": 4}),
    "N256-m4-F": (256, "smooth", {"factor": 4, "relaxations": (0, 1)}),
    "N256-m16": (256, "smooth", {"factor": 16}),
    "N64-m4": (64, "smooth", {"factor": 4}),
    "N1024-m4": (1024, "smooth", {"factor": 4}),
    "N256-m4-independent": (256, "independent", {"factor": 4}),
}
DEPTHS = (256, 512, 1024, 4096)
BATCHES, FACTORS = (20, 200), (4, 16, 64)
PROCESSES = tuple(2**k for k in range(11))
RELAXATIONS: dict[str, dict[str, Any]] = {
    "m2-FCF": {"factor": 2},
    "m4-FCF": {"factor": 4},
    "m4-F-FCF": {"factor": 4, "relaxations": (0, 1)},
}
SMALL, INTERVAL, ROUNDING = 32, 4, 1e-14


def layer_parallel(runs: list[Path], timed: Sequence[int] = ()) -> StudyResult:
    """Solve for states and adjoints of ``u' = tanh(K u + b)``, width 8, 200 samples, T = 5, in float64.

    - ``state/error``, ``gradient/error``: relative errors, against the serial loop, of ``u_N`` and of the gradient of
      its mean square in all weights after so many cycles of each solve, in cells ``case/cycles=k``. Weights are
      ``smooth`` in depth (four waves of random amplitudes) or ``independent`` in every layer.
    - ``speedup``, in cells ``N1024/P=16``: serial steps over the longest chain of steps of one V-cycle with m = 4 and
      FCF-relaxation on ``P`` processes, counted on the schedule, communication not counted; ``speedup/two-cycles``.
    - ``work/cycle``, in cells ``m4-FCF``: steps of one V-cycle from N = 4096 on, in units of ``N``.
    - ``cycles/exact``, in the cell ``N32-m4``: cycles of two levels after which ``u_N`` is that of the serial loop.
    - ``time/ratio``, in cells ``batch20/m16/N=1024``: time of both passes in float32 over that of the serial loop, at a
      gradient error of 1e-2, on one device (``pdebridge bench control``).

    Args:
        runs: not used; the study stands for itself.
        timed: depths at which time is measured; a busy machine disturbs it.
    """
    curves = [Curve(name, "cycles", errors(*case)) for name, case in CASES.items()]
    curves += [Curve(f"N{N}", "P", {P: speedups(N, P) for P in PROCESSES}) for N in DEPTHS]
    curves += times(tuple(timed)) if timed else []
    found = [m for curve in curves for m in measurements("layer-parallel", curve)]
    N = DEPTHS[-1]
    work = {name: chain(N, **options) / N for name, options in RELAXATIONS.items()}
    found += [Measurement("layer-parallel", name, "work/cycle", [steps], []) for name, steps in work.items()]
    found.append(Measurement("layer-parallel", f"N{SMALL}-m{INTERVAL}", "cycles/exact", [exact_cycles()], []))
    return StudyResult(found, {name: array for curve in curves for name, array in curve.arrays().items()})


def speedups(steps: int, processes: int) -> dict[str, float]:
    """Return the counted gain of one cycle and of two."""
    one, two = (steps / chain(steps, processes, cycles=k) for k in (1, 2))
    return {"speedup": one, "speedup/two-cycles": two}


def times(depths: tuple[int, ...]) -> list[Curve]:
    """Return the measured times relative to the serial loop's, by depth."""
    ratios = measure(depths, BATCHES, FACTORS)["ratios"]
    return [
        Curve(
            f"batch{batch}/m{m}",
            "N",
            {
                N: {"time/ratio": ratios[f"time: layer-parallel / serial, N = {N}, batch {batch}, m = {m}"]}
                for N in depths
            },
        )
        for batch, m in product(BATCHES, FACTORS)
    ]


def errors(steps: int, weights: str, options: Mapping[str, Any]) -> dict[float, dict[str, float]]:
    """Return the errors by the number of cycles."""
    exact = end_and_gradient(network(steps, weights, stored))
    found = {}
    for k in CYCLES:
        end, gradient = end_and_gradient(network(steps, weights, solver(k, coarsest=COARSEST, **options)))
        found[float(k)] = {"state/error": relative(end, exact[0]), "gradient/error": relative(gradient, exact[1])}
    return found


def solver(cycles: int, **options: Any) -> LayerParallel:
    """Return the gradient mode that takes what so many cycles give, however wrong."""
    return LayerParallel(cycles, bound=math.inf, **options)


def exact_cycles() -> int:
    """Return how many cycles of two levels make the error of ``u_N`` that of rounding."""
    exact, _ = end_and_gradient(network(SMALL, "smooth", stored))
    coarse = SMALL // INTERVAL
    for k in range(1, coarse + 1):
        end, _ = end_and_gradient(network(SMALL, "smooth", solver(k, factor=INTERVAL, coarsest=coarse)))
        if relative(end, exact) <= ROUNDING:
            break
    return k


def end_and_gradient(net: Flow) -> tuple[Tensor, Tensor]:
    """Return ``u_N`` and the gradient of its mean square in all weights."""
    u = torch.randn(SAMPLES, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    end = net(u)
    pulled = torch.autograd.grad(end.square().mean(), list(net.parameters()))
    return end.detach(), torch.cat([g.flatten() for g in pulled])
