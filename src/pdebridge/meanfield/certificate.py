r"""How far a computed solution can be from the optimum: a dual lower bound from samples alone, in any dimension.

For every function ``g`` on R^d and all densities ``r(t)``,

    J* >= E_(x ~ rho_0) [ min_(z(0) = x) int_0^1 alpha_1 |z'|^2/2 + alpha_2 f(z, log r(z, t)) dt + g(z(1)) ]
          - alpha_3 log E_(rho_1) exp(g/alpha_3).

The logarithm is the convex conjugate of ``alpha_3 KL``. The running cost is bounded from below by its integrand at
``r``: an equality for an external cost, Gibbs' inequality for an entropy. What remains is one path for each sample,
the Hopf-Lax formula if ``f = 0``. Here ``g = Phi(., 1)`` and ``r(t)`` is the normal density with the moments of the
computed crowd; both bounds are equalities at the solution, the second up to the divergence from a normal density.
"""

from dataclasses import dataclass
from math import inf, log, pi, sqrt

import torch
from torch import Tensor
from torch.nn import functional as F

from pdebridge.meanfield.characteristics import Characteristics, trajectory
from pdebridge.meanfield.games import Game
from pdebridge.meanfield.potential import ValueFunction

MOMENTS = 4096
"""Samples of the crowd whose moments define ``r``, apart from those on which the bound is evaluated."""
CONJUGATE = 2**10
"""Samples of ``rho_1``, and as many of the crowd's end."""


@dataclass(frozen=True)
class Certificate:
    """A primal value, a lower bound of the optimum and the standard error of their difference.

    The minimum over paths is the least that descent finds from several starts, so that `bound` is an upper estimate
    of the rigorous one; paths have as many pieces as the characteristics have steps.
    """

    primal: float
    bound: float
    standard_error: float

    @property
    def gap(self) -> float:
        """Return ``primal - bound``: at most this much of the cost can be saved."""
        return self.primal - self.bound


def certify(
    game: Game,
    potential: ValueFunction,
    steps: int = 32,
    samples: int = 512,
    replicates: int = 8,
    starts: int = 16,
    iterations: int = 60,
    seed: int = 0,
) -> Certificate:
    """Return primal value and dual bound on the same quasi-random samples, so that their noise cancels.

    Args:
        game: the game; every interaction must be one that `Interaction.bounded_by_its_integrand`.
        potential: the computed ``Phi``.
        steps: of the characteristics, and pieces of the paths (one piece if there is no interaction).
        samples: of ``rho_0`` in a replicate.
        replicates: independent scramblings, whose spread gives the standard error.
        starts: characteristics of other samples that a path may start from, beside its own.
        iterations: of the descent over paths.
        seed: of the scramblings.

    Raises:
        ValueError: an interaction does not qualify, or fewer than two replicates.
    """
    _check(game, replicates)
    crowd, _, _ = _paths(game, potential, game.initial.sobol(MOMENTS, seed), steps)
    lagrangian = Lagrangian(game, potential, crowd)
    pairs = []
    for k in range(replicates):
        own = seed + 1 + k
        paths, x, end = _paths(game, potential, game.initial.sobol(samples, own), steps)
        start = _best_start(lagrangian, paths, starts, torch.Generator(x.device).manual_seed(own))
        bound = lagrangian.descend(start, iterations).mean() - conjugate(game, potential, steps, own)
        pairs.append((float(_primal(game, x, end).mean()), float(bound)))
    primal, bound = torch.tensor(pairs, dtype=torch.float64).unbind(1)
    error = float((primal - bound).std()) / sqrt(replicates)
    return Certificate(float(primal.mean()), float(bound.mean()), error)


class Lagrangian:
    """The cost of piecewise linear paths ``(n + 1, N, d)``, trapezoidal in time.

    ``alpha_1/(2h) sum |z_(k+1) - z_k|^2 + alpha_2 h sum' f(z_k, log r_k(z_k)) + Phi(z_n, 1)``

    Args:
        game: weights and interactions.
        potential: gives the terminal cost.
        crowd: paths whose moments define ``r``.
    """

    def __init__(self, game: Game, potential: ValueFunction, crowd: Tensor) -> None:
        self.game, self.potential, self.h = game, potential, 1 / (len(crowd) - 1)
        self.means = crowd.mean(1, keepdim=True)
        if game.interactions:
            centred = (crowd - self.means).double()
            factor = torch.linalg.cholesky(centred.mT @ centred / crowd.shape[1])
            self.whiten = torch.linalg.inv(factor).mT.to(crowd.dtype)
            self.constant = -factor.diagonal(dim1=1, dim2=2).log().sum(1, keepdim=True) - game.d / 2 * log(2 * pi)
            self.constant = self.constant.to(crowd.dtype)

    def __call__(self, paths: Tensor) -> Tensor:
        """Return the cost of each path, ``(N,)``."""
        alpha, n, size = self.game.alpha, len(paths), paths.shape[1]
        cost = alpha.transport / (2 * self.h) * (paths[1:] - paths[:-1]).square().sum((0, 2))
        cost = cost + self.potential(paths[-1], 1.0)
        if self.game.interactions:
            log_r = self.constant - 0.5 * ((paths - self.means) @ self.whiten).square().sum(2)
            f, _ = self.game.running(paths.reshape(n * size, -1), log_r.reshape(-1))
            cost = cost + alpha.running * self.h * (torch.trapezoid(f.view(n, size), dim=0))
        return cost

    def descend(self, paths: Tensor, iterations: int) -> Tensor:
        """Return the least cost found from `paths` by descent in the metric of the kinetic energy.

        First points are held. Each path has a step length of its own, longer after a success, halved after a failure.
        """
        pieces = len(paths) - 1
        nodes = torch.arange(1, pieces + 1, dtype=paths.dtype, device=paths.device) * self.h
        inverse = torch.minimum(nodes.unsqueeze(1), nodes) / self.game.alpha.transport  # of the kinetic Hessian
        step = torch.ones_like(paths[0, :, 0])
        cost, slope = self._slope(paths)
        for _ in range(iterations):
            direction = torch.einsum("jk,knd->jnd", inverse, slope[1:])
            moved = torch.cat([paths[:1], paths[1:] - step.unsqueeze(1) * direction])
            trial, trial_slope = self._slope(moved)
            better = trial < cost
            cost = torch.where(better, trial, cost)
            chosen = better.unsqueeze(1)
            paths, slope = torch.where(chosen, moved, paths), torch.where(chosen, trial_slope, slope)
            step = torch.where(better, 1.5 * step, 0.5 * step)
        return cost

    def _slope(self, paths: Tensor) -> tuple[Tensor, Tensor]:
        paths = paths.detach().requires_grad_()
        with torch.enable_grad():
            cost = self(paths)
        return cost.detach(), torch.autograd.grad(cost.sum(), paths)[0]


def hjb_quantiles(
    game: Game,
    potential: ValueFunction,
    steps: int = 32,
    samples: int = 1024,
    spread: float = 1.0,
    levels: tuple[float, ...] = (0.5, 0.9, 0.99),
    generator: torch.Generator | None = None,
) -> dict[str, list[float]]:
    """Return quantiles of ``|-dPhi/dt + |grad Phi|^2/(2 alpha_1) - alpha_2 dF/drho|`` on and off the trajectories.

    Off the trajectories means normal noise of standard deviation `spread` added to a trajectory's points; the density
    there is that of the computed flow, found by following it back to time 0.
    """
    x = game.initial.sample(samples, generator)
    on, off = [], []
    with torch.no_grad():
        for k, state in enumerate(trajectory(game, potential, x, steps)):
            t, log_rho = k / steps, game.initial.log_density(x) - state.log_determinant
            on.append(_residual(game, potential, state.z, t, log_rho))
            noise = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)
            beside = state.z + spread * noise
            if game.interactions:  # else the density does not matter
                log_rho = _flow_density(game, potential, beside, k, steps)
            off.append(_residual(game, potential, beside, t, log_rho))
    quantiles = torch.tensor(levels, dtype=x.dtype, device=x.device)
    return {name: torch.cat(parts).quantile(quantiles).tolist() for name, parts in (("on", on), ("off", off))}


def _residual(game: Game, potential: ValueFunction, z: Tensor, t: float, log_rho: Tensor) -> Tensor:
    grad, dt, _ = potential.prepare()(z, t)
    _, variation = game.running(z, log_rho)
    kinetic = grad.square().sum(1) / (2 * game.alpha.transport)
    return (kinetic - dt - game.alpha.running * variation).abs()


def _flow_density(game: Game, potential: ValueFunction, z: Tensor, k: int, steps: int) -> Tensor:
    """Return ``log rho(z, k/steps)`` of the computed flow; minus infinity where following it back diverges."""
    if k == 0:
        return game.initial.log_density(z)
    *_, start = trajectory(game, potential, z, k, interval=(k / steps, 0.0))
    return (game.initial.log_density(start.z) + start.log_determinant).nan_to_num(-inf)


@torch.no_grad()
def _paths(game: Game, potential: ValueFunction, x: Tensor, steps: int) -> tuple[Tensor, Tensor, Characteristics]:
    """Return the samples' positions ``(pieces + 1, N, d)``, the samples and their final state."""
    states = list(trajectory(game, potential, x, steps))
    kept = states if game.interactions else [states[0], states[-1]]
    return torch.stack([state.z for state in kept]), x, states[-1]


def _primal(game: Game, x: Tensor, end: Characteristics) -> Tensor:
    """Return each sample's weighted costs."""
    g, _ = game.terminal(end.z, game.initial.log_density(x) - end.log_determinant)
    _, kinetic, running, _ = end.integrals
    return game.alpha.transport * kinetic + game.alpha.running * running + game.alpha.terminal * g


@torch.no_grad()
def _best_start(lagrangian: Lagrangian, paths: Tensor, starts: int, generator: torch.Generator) -> Tensor:
    """Return for each sample the cheapest of its own path and of others', sheared to begin at the sample."""
    best, cost = paths, lagrangian(paths)
    remaining = torch.linspace(1, 0, len(paths), dtype=paths.dtype, device=paths.device).view(-1, 1, 1)
    for _ in range(starts):
        other = paths[:, torch.randperm(paths.shape[1], generator=generator, device=paths.device)]
        sheared = other + remaining * (paths[:1] - other[:1])
        trial = lagrangian(sheared)
        best = torch.where((trial < cost).unsqueeze(1), sheared, best)
        cost = torch.minimum(trial, cost)
    return best


@torch.no_grad()
def conjugate(game: Game, potential: ValueFunction, steps: int, seed: int, size: int = CONJUGATE) -> float:
    """Return an estimate of ``alpha_3 log E_(rho_1) exp(Phi(., 1)/alpha_3)``.

    The mean is taken over ``(rho_1 + rho(1))/2``: `size` samples of the target and as many of the crowd's end, each
    weighted by its share of ``rho_1``. At the solution ``exp(Phi(., 1)/alpha_3)`` is ``e rho(1)/rho_1``, so that no
    weighted value exceeds 2 e; the samples of ``rho_1`` alone have a variance that grows exponentially with d.
    """
    _, x, end = _paths(game, potential, game.initial.sobol(size, seed), steps)
    z = game.target.sobol(size, seed)
    at_target = _log_ratio(game, z, _flow_density(game, potential, z, steps, steps))
    at_end = _log_ratio(game, end.z, game.initial.log_density(x) - end.log_determinant)
    weight, log_ratio = game.alpha.terminal, torch.cat([at_target, at_end])
    exponent = potential(torch.cat([z, end.z]), 1.0) / weight - F.softplus(log_ratio)
    return weight * (float(torch.logsumexp(exponent, 0)) - log(size))


def _log_ratio(game: Game, z: Tensor, log_rho: Tensor) -> Tensor:
    """Return ``log rho(1)/rho_1``."""
    return log_rho - game.target.log_density(z)


def _check(game: Game, replicates: int) -> None:
    for part in game.interactions:
        if not part.bounded_by_its_integrand:
            raise ValueError(f"{type(part).__name__} is not known to be bounded by its integrand: no dual bound for it")
    if replicates < 2:
        raise ValueError(f"a standard error needs at least two replicates, not {replicates}")
