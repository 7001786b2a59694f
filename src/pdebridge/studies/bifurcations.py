"""Bifurcations of a learned Kuramoto-Sivashinsky equation with a parameter, by continuation in that parameter."""

import math

import numpy as np
import torch
from scipy.optimize import brentq
from torch import Tensor
from torch.func import jacrev

from pdebridge.datasets.evolution import Grid, integrate, scaled_kuramoto_sivashinsky, waves
from pdebridge.dynamics.base import Dynamics, Theta
from pdebridge.dynamics.control import Constant
from pdebridge.dynamics.field import Field
from pdebridge.dynamics.stencil import Stencil
from pdebridge.gradients.stored import stored
from pdebridge.integrators.exponential import ETDRK4
from pdebridge.networks.flow import Flow
from pdebridge.optimisation.series import fit_few, pieces

ALPHAS, POINTS, INTERVAL = (2.0, 6.0, 12.0, 20.0, 28.0, 40.0), 64, 4e-3
EXACT = {"a": [[0.0, -1.0], [-4.0, 0.0]], "c": [[0.0, -1.0]]}
BRANCH = np.linspace(4.25, 12.0, 16)


def bifurcations() -> tuple[dict[str, float], dict[str, Grid]]:
    """Learn ``u_t + 4 u_xxxx + alpha (u_xx + u u_x) = 0`` with ``alpha`` as an input; return where 0 bifurcates.

    ``wave-k/alpha``: where the growth of ``cos(k x)`` vanishes, exactly at ``4 k^2``, and ``wave-k/error`` (%). Arrays
    ``branch/alpha``, ``branch/learned``, ``branch/exact``: the root mean square of the steady state that leaves at 4,
    by Newton's method on the learned right-hand side and on that with the exact coefficients; ``growth/alpha`` and
    ``growth/k``.
    """
    F, theta = learned()
    points = {k: float(brentq(lambda alpha, k=k: growth(F, theta, alpha, k), 2 * k**2, 6 * k**2)) for k in (1, 2, 3)}
    figures = {f"wave-{k}/alpha": alpha for k, alpha in points.items()}
    figures |= {f"wave-{k}/error": 100 * abs(alpha / (4 * k**2) - 1) for k, alpha in points.items()}
    exact = [torch.tensor(w, dtype=torch.float64) for w in EXACT.values()]
    sweep = np.linspace(1, 45, 45)
    arrays = {f"growth/{k}": np.array([growth(F, theta, alpha, k) for alpha in sweep]) for k in (1, 2, 3)}
    arrays |= {"growth/alpha": sweep, "branch/alpha": BRANCH}
    arrays |= {f"branch/{name}": branch(F, w) for name, w in (("learned", theta), ("exact", exact))}
    return figures, arrays


def learned() -> tuple[Stencil, Theta]:
    """Return a stencil of nine taps and its weights, found from trajectories at some values of ``alpha``."""
    rng = np.random.default_rng(0)
    start = waves(rng, 3 * len(ALPHAS), POINTS, size=0.5).reshape(len(ALPHAS), 3, POINTS)
    runs = []
    for alpha, u in zip(ALPHAS, start, strict=True):
        truth = integrate(scaled_kuramoto_sivashinsky(alpha), u, 2 * math.pi, INTERVAL, 60, 4)
        runs.append(np.stack([truth, np.full_like(truth, alpha)], 2))
    series = torch.from_numpy(np.concatenate(runs))
    samples, interval = pieces(series, INTERVAL * torch.arange(series.shape[1], dtype=torch.float64), 2)
    F = Stencil(2, 2 * math.pi, orders=(2, 4), taps=9).double()
    flow = Flow(F, Constant(F).double(), ETDRK4(), stored, 1, interval)
    fit_few(flow, samples[::24], 25)
    return F, [w.detach()[0] for w in flow.control.parameters()]


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
