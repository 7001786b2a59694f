r"""How far a computed solution can be from the optimum, and what the answer proves.

For every function ``g`` on R^d and all densities ``r(t)``,

    J* >= E_(x ~ rho_0) [ min_(z(0) = x) int_0^1 alpha_1 |z'|^2/2 + alpha_2 f(z, log r(z, t)) dt + g(z(1)) ]
          - alpha_3 log E_(rho_1) exp(g/alpha_3).

The logarithm is the convex conjugate of ``alpha_3 KL``. The running cost is bounded from below by its integrand at
``r``: an equality for an external cost, Gibbs' inequality for an entropy.

- ``proved``: the minimum over paths is known. Without running cost, for a ``g`` made for it
  (`pdebridge.meanfield.max_plus`); where a closed form is known, at the solution itself, where both sides are equal.
- ``estimated``: ``g = Phi(., 1)``, ``r(t)`` the normal density with the moments of the computed crowd, and for the
  minimum the least that descent finds. Errors that would raise the bound are estimated and subtracted; a minimum that
  no start leads to is not.
- ``none``: the average over ``rho_1`` is infinite or, by its own weights, not to be believed.
"""

from dataclasses import dataclass
from math import inf, sqrt
from typing import Literal

import torch
from torch import Tensor

from pdebridge.meanfield.characteristics import Characteristics, trajectory
from pdebridge.meanfield.conjugate import Conjugate, conjugate
from pdebridge.meanfield.exact import exact_solution
from pdebridge.meanfield.games import Game
from pdebridge.meanfield.max_plus import Bound, lower_bound
from pdebridge.meanfield.paths import Lagrangian
from pdebridge.meanfield.potential import ValueFunction
from pdebridge.meanfield.starts import away_from_it, near_the_crowd

Proof = Literal["proved", "estimated", "none"]
MOMENTS = 4096
"""Samples of the crowd whose moments define ``r``, apart from those on which the bound is evaluated."""
ERRORS = 2
"""Standard errors that are subtracted."""


@dataclass(frozen=True)
class Certificate:
    """A primal value, a lower bound of the optimum and what stands behind the bound.

    Attributes:
        proof: what the bound is, see above; an estimate must not be called a bound without this word.
        argument: the reason, in words; why there is none.
        primal: the cost of the computed solution on the samples of the certificate.
        primal_error: its standard error.
        bound: of the optimum, `ERRORS` standard errors and all known errors of discretisation subtracted; minus
            infinity if there is none.
        gap: at most this much of the cost can be saved, the same errors added; samples that both sides share cancel.
        standard_error: of the gap.
    """

    proof: Proof
    argument: str
    primal: float
    primal_error: float
    bound: float
    gap: float
    standard_error: float


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
    """Return the primal value and the strongest bound that is known for the game: a proof, or `estimate`.

    The arguments, and what is refused, are those of `estimate`.
    """
    _check(game, steps, replicates)
    proof = proved(game, seed)
    if proof is None:
        return estimate(game, potential, steps, samples, replicates, starts, iterations, seed)
    argument, bound = proof
    costs = [float(_primal(game, potential, steps, samples, seed + 1 + k).mean()) for k in range(replicates)]
    primal, primal_error = mean_and_error(torch.tensor(costs, dtype=torch.float64))
    error = sqrt(primal_error**2 + bound.standard_error**2)
    gap = primal - bound.value + ERRORS * primal_error
    return Certificate("proved", argument, primal, primal_error, bound.value, gap, error)


def proved(game: Game, seed: int = 0) -> tuple[str, Bound] | None:
    """Return a bound that rests on no search, with its argument; None if none is known."""
    if not len(game.interactions) or game.alpha.running == 0:
        return "no running cost: the largest of several quadratics, in closed form", lower_bound(game, seed=seed)
    try:
        return "the closed form of the solution", Bound(exact_solution(game).costs().value, 0.0)
    except ValueError:
        return None


def estimate(
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

    What is subtracted beside `ERRORS` standard errors: twice the error of the quadrature in time by Richardson's
    extrapolation from steps of twice the length, whichever its sign; and what the second half of the descent still
    gained, as a measure of what more of it would.

    Args:
        game: the game; every interaction must be one that `Interaction.bounded_by_its_integrand`.
        potential: the computed ``Phi``.
        steps: of the characteristics, even, and pieces of the paths (one piece if there is no interaction).
        samples: of ``rho_0`` in a replicate.
        replicates: independent scramblings, whose spread gives the standard error.
        starts: characteristics of other samples that a path may start from, and as many starts away from the crowd.
        iterations: of the descent over paths, from the best start of either kind.
        seed: of the scramblings.

    Raises:
        ValueError: an interaction does not qualify, `steps` is odd, or fewer than two replicates.
    """
    _check(game, steps, replicates)
    crowd, _, _ = _paths(game, potential, game.initial.sobol(MOMENTS, seed), steps)
    lagrangian = Lagrangian(game, potential, crowd)
    seeds = range(seed + 1, seed + 1 + replicates)
    found = [_replicate(lagrangian, steps, samples, starts, iterations, own) for own in seeds]
    primal, inner, safety = torch.tensor(found, dtype=torch.float64).unbind(1)
    dual = conjugate(game, potential, steps, seeds)
    return _assembled(primal, inner, float(safety.mean()), dual)


def _assembled(primal: Tensor, inner: Tensor, safety: float, dual: Conjugate) -> Certificate:
    cost, cost_error = mean_and_error(primal)
    if dual.doubt:
        return Certificate("none", dual.doubt, cost, cost_error, -inf, inf, inf)
    dual_value, dual_error = dual.value, dual.standard_error
    least, least_error = mean_and_error(inner)
    difference, difference_error = mean_and_error(primal - inner)
    error = sqrt(difference_error**2 + dual_error**2)
    bound = least - dual_value - safety - ERRORS * sqrt(least_error**2 + dual_error**2)
    gap = difference + dual_value + safety + ERRORS * error
    argument = "descent over paths from many starts, known errors subtracted"
    return Certificate("estimated", argument, cost, cost_error, bound, gap, error)


def mean_and_error(values: Tensor) -> tuple[float, float]:
    """Return the mean of replicates and its standard error."""
    return float(values.mean()), float(values.std()) / sqrt(len(values))


def _replicate(
    lagrangian: Lagrangian, steps: int, samples: int, starts: int, iterations: int, seed: int
) -> tuple[float, float, float]:
    """Return the mean cost of the samples, that of their cheapest paths, and what must be subtracted from it."""
    game, potential = lagrangian.game, lagrangian.potential
    paths, x, end = _paths(game, potential, game.initial.sobol(samples, seed), steps)
    generator = torch.Generator(x.device).manual_seed(seed)
    best, cost, gained = paths, torch.full_like(x[:, 0], inf), torch.zeros_like(x[:, 0])
    for choose in (near_the_crowd, away_from_it):
        other, value, rest = lagrangian.descend(choose(lagrangian, paths, starts, generator), iterations)
        better = value < cost
        best = torch.where(better.unsqueeze(1), other, best)
        gained, cost = torch.where(better, rest, gained), torch.minimum(value, cost)
    safety = float(gained.mean())
    if game.interactions:
        _, coarse, _ = lagrangian.coarser().descend(best[::2], iterations)
        safety += 2 * abs(float((coarse - cost).mean())) / 3
    return float(_costs(game, x, end).mean()), float(cost.mean()), safety


def _primal(game: Game, potential: ValueFunction, steps: int, samples: int, seed: int) -> Tensor:
    _, x, end = _paths(game, potential, game.initial.sobol(samples, seed), steps)
    return _costs(game, x, end)


@torch.no_grad()
def _paths(game: Game, potential: ValueFunction, x: Tensor, steps: int) -> tuple[Tensor, Tensor, Characteristics]:
    """Return the samples' positions ``(pieces + 1, N, d)``, the samples and their final state."""
    states = list(trajectory(game, potential, x, steps))
    kept = states if game.interactions else [states[0], states[-1]]
    return torch.stack([state.z for state in kept]), x, states[-1]


def _costs(game: Game, x: Tensor, end: Characteristics) -> Tensor:
    """Return each sample's weighted costs."""
    g, _ = game.terminal(end.z, game.initial.log_density(x) - end.log_determinant)
    _, kinetic, running, _ = end.integrals
    return game.alpha.transport * kinetic + game.alpha.running * running + game.alpha.terminal * g


def _check(game: Game, steps: int, replicates: int) -> None:
    for part in game.interactions:
        if not part.bounded_by_its_integrand:
            raise ValueError(f"{type(part).__name__} is not known to be bounded by its integrand: no dual bound for it")
    if steps % 2:
        raise ValueError(f"the error of the quadrature needs an even number of steps, not {steps}")
    if replicates < 2:
        raise ValueError(f"a standard error needs at least two replicates, not {replicates}")
