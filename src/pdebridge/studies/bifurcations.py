"""Bifurcations of a learned Kuramoto-Sivashinsky equation with a parameter, by continuation in that parameter."""

import math
from functools import cache
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import brentq
from torch import Tensor
from torch.func import jacrev

from pdebridge.datasets.evolution import Grid
from pdebridge.dynamics.base import Dynamics, Theta
from pdebridge.dynamics.field import Field
from pdebridge.dynamics.stencil import Stencil
from pdebridge.studies.gather import gather
from pdebridge.studies.result import StudyResult
from pdebridge.training.trajectories import Identified, restore

POINTS, WAVES = 64, (1, 2, 3)
EXACT = {"a": [[0.0, -1.0], [-4.0, 0.0]], "c": [[0.0, -1.0]]}
BRANCH = np.linspace(4.25, 12.0, 16)


def bifurcations(runs: list[Path]) -> StudyResult:
    """Find where ``u = 0`` bifurcates in what was learned of ``u_t + 4 u_xxxx + alpha (u_xx + u u_x) = 0``.

    ``wave-k/alpha``: where the growth of ``cos(k x)`` vanishes, exactly at ``4 k^2``, and ``wave-k/error`` (%);
    ``branch/deviation`` (%), the largest of the size of the steady state that leaves at 4, relative to the
    largest size. Arrays of each cell's first seed:
    ``branch/alpha``, ``branch/cell``, ``branch/exact``: the root mean square of that state, by Newton's method on the
    learned right-hand side and on that with the exact coefficients; ``growth/alpha`` and ``growth/cell/k``.

    Args:
        runs: run directories of series whose second channel is ``alpha``; others are passed over.
    """
    every = {folder: restore(folder) for folder in runs}
    found = {folder: run for folder, run in every.items() if run.cell.series.name == "scaled-kuramoto-sivashinsky"}
    arrays = {"growth/alpha": np.linspace(1, 45, 45), "branch/alpha": BRANCH, "branch/exact": exact_branch()}
    return StudyResult(gather(found, lambda run: figures(run, arrays)), arrays)


def figures(run: Identified, arrays: dict[str, Grid]) -> dict[str, float]:
    """Return the quantities of one run, and add to the arrays of its cell's first seed."""
    (F, theta), cell = right_hand_side(run), run.cell.cell
    learned = branch(F, theta)
    if run.seed == 0:
        arrays[f"branch/{cell}"] = learned
        sweep = arrays["growth/alpha"]
        arrays |= {f"growth/{cell}/{k}": np.array([growth(F, theta, alpha, k) for alpha in sweep]) for k in WAVES}
    points = {k: crossing(F, theta, k) for k in WAVES}
    found = {f"wave-{k}/alpha": alpha for k, alpha in points.items()}
    found |= {f"wave-{k}/error": 100 * abs(alpha / (4 * k**2) - 1) for k, alpha in points.items()}
    deviation = np.abs(learned - exact_branch()).max() / exact_branch().max()
    return found | {"branch/deviation": 100 * float(deviation)}


def crossing(F: Dynamics, theta: Theta, k: int) -> float:
    """Return the ``alpha`` between ``2 k^2`` and ``6 k^2`` at which the growth of a wave vanishes; NaN without one."""
    ends = 2.0 * k**2, 6.0 * k**2
    below, above = (growth(F, theta, alpha, k) for alpha in ends)
    return float(brentq(lambda alpha: growth(F, theta, alpha, k), *ends)) if below < 0 < above else math.nan


def right_hand_side(run: Identified) -> tuple[Dynamics, Theta]:
    """Return the dynamics and its weights, which do not depend on time."""
    return run.net.dynamics, [w.detach()[0] for w in run.net.control.coefficients]


@cache
def exact_branch() -> Grid:
    """Return the branch of a stencil with the exact coefficients."""
    F = Stencil(2, 2 * math.pi, orders=(2, 4), taps=9).double()
    return branch(F, [torch.tensor(w, dtype=torch.float64) for w in EXACT.values()])


def rate(F: Dynamics, theta: Theta, u: Tensor, alpha: float) -> Tensor:
    """Return the right-hand side, its linear part included, for ``u`` of shape ``(points,)``."""
    field = Field(F, [w[None] for w in theta], (0.0,), 0, 1.0)
    state = torch.stack([u, torch.full_like(u, alpha)])[None]
    (linear,) = field.functions(state, lambda z: z)
    return (field(state) + linear(state))[0, 0]


def growth(F: Dynamics, theta: Theta, alpha: float, k: int) -> float:
    """Return the growth of ``cos(k x)`` at ``u = 0``: its Rayleigh quotient with the Jacobian, which is circulant."""
    wave = torch.cos(2 * math.pi * k * torch.arange(POINTS, dtype=torch.float64) / POINTS)
    change = torch.func.jvp(lambda u: rate(F, theta, u, alpha), (torch.zeros_like(wave),), (wave,))[1]
    return float(change @ wave / (wave @ wave))


def branch(F: Dynamics, theta: Theta) -> Grid:
    """Return the size of the odd steady state ``~ sin x`` along `BRANCH`, each by Newton from the one before."""
    half = POINTS // 2 - 1
    zero = torch.zeros(1, dtype=torch.float64)

    def whole(v: Tensor) -> Tensor:
        return torch.cat([zero, v, zero, -v.flip(0)])

    x = 2 * math.pi * torch.arange(1, half + 1, dtype=torch.float64) / POINTS
    v, sizes = 1.5 * torch.sin(x), []
    for alpha in BRANCH:
        for _ in range(6):

            def residual(v: Tensor, alpha: float = float(alpha)) -> Tensor:
                return rate(F, theta, whole(v), alpha)[1 : half + 1]

            v = v - torch.linalg.solve(jacrev(residual)(v), residual(v))
        sizes.append(float(whole(v).square().mean().sqrt()))
    return np.array(sizes)
