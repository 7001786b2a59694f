"""The convex conjugate of the terminal cost by importance sampling, and whether its average can be believed."""

from math import log, sqrt
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from pdebridge.meanfield.characteristics import trajectory
from pdebridge.meanfield.closed_forms import QuadraticSolution
from pdebridge.meanfield.densities import components
from pdebridge.meanfield.games import Game
from pdebridge.meanfield.potential import Potential, ValueFunction
from pdebridge.meanfield.residuals import flow_density

SIZE = 2**10
"""Samples of ``rho_1``, and as many of the crowd's end, in a replicate."""
HEAVY = 0.7
"""Pareto shape from which on averages of practical size are far from their limit (Vehtari et al. 2024)."""
EFFECTIVE = 100
"""Least effective number of samples."""


class Conjugate(NamedTuple):
    """``alpha_3 log E_(rho_1) exp(Phi(., 1)/alpha_3)``, or in `doubt` why it is not known."""

    value: float
    standard_error: float
    doubt: str


def conjugate(game: Game, potential: ValueFunction, steps: int, seeds: range, size: int = SIZE) -> Conjugate:
    """Return the conjugate from replicates of `weights`, one a seed; doubtful weights are refused, not averaged.

    The logarithm of an average is too small in the mean: half its relative variance is added.
    """
    weight = game.alpha.terminal
    if grows_too_fast(game, potential):
        return Conjugate(float("inf"), 0.0, "the conjugate is infinite: the potential outgrows the logarithm of rho_1")
    logs = torch.stack([log_weights(game, potential, steps, seed, size) for seed in seeds])
    top = logs.max()
    w = (logs.double() - top).exp()
    share = w.mean(1)
    relative = float(share.std() / share.mean()) / sqrt(len(share))
    # `log_weights` lacks the 2 of the mean of two densities
    value = weight * (float(top) + log(2 * float(share.mean())) + 0.5 * relative**2)
    return Conjugate(value, weight * relative, doubt(w.flatten()))


@torch.no_grad()
def log_weights(game: Game, potential: ValueFunction, steps: int, seed: int, size: int = SIZE) -> Tensor:
    """Return the logarithms of ``exp(Phi(., 1)/alpha_3) rho_1/(rho_1 + rho(1))`` at samples of both, ``(2 size,)``.

    The mean is taken over ``(rho_1 + rho(1))/2``: `size` samples of the target and as many of the crowd's end, each
    weighted by its share of ``rho_1``. At the solution ``exp(Phi(., 1)/alpha_3)`` is ``e rho(1)/rho_1``, so that no
    value exceeds e; the samples of ``rho_1`` alone have a variance that grows exponentially with d.
    """
    x, z = game.initial.sobol(size, seed), game.target.sobol(size, seed)
    *_, end = trajectory(game.free(), potential, x, steps)
    at_target = flow_density(game, potential, z, steps, steps) - game.target.log_density(z)
    at_end = game.initial.log_density(x) - end.log_determinant - game.target.log_density(end.z)
    exponent = potential(torch.cat([z, end.z]), 1.0) / game.alpha.terminal
    return exponent - F.softplus(torch.cat([at_target, at_end]))


def doubt(weights: Tensor) -> str:
    """Return why the average of positive weights cannot be believed; empty if it can."""
    effective = float(weights.sum() ** 2 / weights.square().sum())
    shape = pareto_shape(weights)
    if not effective >= EFFECTIVE:
        return f"heavy tails: {len(weights)} samples of the conjugate count as {effective:.0f}"
    if not shape <= HEAVY:
        return f"heavy tails: Pareto shape {shape:.2f} of the conjugate's weights, above {HEAVY:g}"
    return ""


def pareto_shape(weights: Tensor) -> float:
    """Return the shape k of a generalised Pareto distribution fitted to the largest weights.

    ``min(N/5, 3 sqrt N)`` of them (Vehtari, Simpson, Gelman, Yao & Gabry, JMLR 25(72), 2024), by the estimator of Zhang
    & Stephens (Technometrics 51(3), 2009). Moments of order ``1/k`` and higher are infinite; negative for bounded
    weights.
    """
    n = len(weights)
    largest = weights.double().sort().values[-min(n // 5, int(3 * sqrt(n))) - 1 :]
    x = largest[1:] - largest[0]
    if not float(x[-1]) > 0:
        return -1.0
    m = 30 + int(sqrt(len(x)))
    grid = 1 - (m / (torch.arange(1, m + 1, dtype=torch.float64) - 0.5)).sqrt()
    theta = 1 / x[-1] + grid / (3 * x[int(len(x) / 4 + 0.5) - 1].clamp_min(1e-12 * x[-1]))
    shape = torch.log1p(-theta.unsqueeze(1) * x).mean(1)
    likelihood = len(x) * ((-theta / shape).log() - shape - 1)
    best = (likelihood.softmax(0) * theta).sum()
    return float(torch.log1p(-best * x).mean())


def grows_too_fast(game: Game, potential: ValueFunction) -> bool:
    """Tell whether ``Phi(., 1)/alpha_3`` outgrows ``-log rho_1`` at infinity, where its quadratic part is known."""
    A = curvature(potential)
    if A is None:
        return False
    A = A.double().cpu() / game.alpha.terminal
    return any(float(torch.linalg.eigvalsh(A - torch.linalg.inv(S)).max()) >= 0 for S in components(game.target)[1])


@torch.no_grad()
def curvature(potential: ValueFunction) -> Tensor | None:
    """Return the matrix of ``Phi(., 1)`` at infinity, ``(d, d)``; None where it is not known."""
    if isinstance(potential, QuadraticSolution):
        return potential.coefficients(1.0)[0] * torch.eye(potential.d, dtype=torch.float64)
    if isinstance(potential, Potential):
        stacked, symmetric, _ = potential.quadratic.form()
        full = symmetric if len(symmetric) else stacked.mT @ stacked
        return full[:-1, :-1]
    return None
