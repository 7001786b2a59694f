r"""Several crowds with their own starts and targets, as one game in the product of their spaces.

Crowds ``rho_1, ..., rho_P`` on R^d that minimise

    sum_i [ alpha_1 int int |v_i|^2/2 rho_i + alpha_2 int F_i(rho_i) + alpha_3 KL(rho_i(1) | rho_1i) ]
        + alpha_2 int G(rho_1 + ... + rho_P)

are the marginals of one crowd on R^(P d) with the product of the starts and of the targets: for given marginals the
divergence of the product is the least, ``KL(rho | prod rho_1i) >= sum_i KL(rho_i | rho_1i)``, and nothing else sees
more than the marginals. Its potential is ``sum_i Phi_i(x_i, t)`` (`pdebridge.meanfield.separable`), so that all that
solves, validates and certifies a game does so for several crowds.
"""

from collections.abc import Sequence
from itertools import product
from typing import cast

import torch
from torch import Tensor, nn

from pdebridge.meanfield.densities import Components, GaussianMixture, components
from pdebridge.meanfield.games import Game
from pdebridge.meanfield.interactions import Entropy, External, Interaction, Time
from pdebridge.meanfield.nonlocal_congestion import NonlocalCongestion

COMPONENTS = 1024
"""Of the product of the crowds' densities, at most."""


class Apart(External):
    """``Q(x, t) = sum_i Q_i(x_i, t)``: what each crowd pays for its own place.

    Args:
        parts: the external costs of every crowd.
    """

    def __init__(self, parts: Sequence[Sequence[External]]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(nn.ModuleList(own) for own in parts)

    def cost(self, x: Tensor, t: Time = 0.0) -> Tensor:
        """Return ``Q`` at rows ``x``, ``(N,)``."""
        total, zero = torch.zeros_like(x[:, 0]), torch.zeros_like(x[:, 0])
        for own, place in zip(self.parts, x.chunk(len(self.parts), 1), strict=True):
            for part in cast("Sequence[External]", own):
                total = total + part.at(place, zero, t)[0]
        return total

    def at(self, x: Tensor, log_rho: Tensor, t: Time) -> tuple[Tensor, Tensor]:
        """Return ``Q(x, t)`` twice."""
        Q = self.cost(x, t)
        return Q, Q


def together(games: Sequence[Game], weight: float = 0.0, width: float = 0.5) -> Game:
    """Return the game of several crowds that keep out of each other's way, and of their own.

    Args:
        games: one a crowd, in the same dimension and with the same weights; external costs, and entropies of the
            same weight.
        weight: of the `NonlocalCongestion` of all of them together; they do not see each other if it is 0.
        width: of its kernel.

    Raises:
        ValueError: the games differ in what they must share, have another interaction, or too many components.
    """
    first = games[0]
    entropies = {sum(part.weight for part in game.interactions if isinstance(part, Entropy)) for game in games}
    if len({(game.d, game.alpha) for game in games}) > 1 or len(entropies) > 1:
        raise ValueError("crowds must have the same dimension, alpha and weight of the entropy")
    for part in (part for game in games for part in game.interactions):
        if not isinstance(part, External | Entropy):
            raise ValueError(f"{type(part).__name__} sees a single crowd; several share a NonlocalCongestion")
    own = [[part for part in game.interactions if isinstance(part, External)] for game in games]
    parts: list[Interaction] = [Apart(own)] if any(own) else []
    parts += [Entropy(entropies.pop())] if max(entropies) else []
    parts += [NonlocalCongestion(weight, width, len(games))] if weight else []
    starts, goals = joint([game.initial for game in games]), joint([game.target for game in games])
    return Game(starts, goals, parts, first.alpha, len(games))


def joint(densities: Sequence[GaussianMixture]) -> GaussianMixture:
    """Return the product of mixtures, a mixture of all combinations of their components.

    Raises:
        ValueError: there are more than `COMPONENTS` combinations.
    """
    chosen = list(product(*(range(density.components) for density in densities)))
    if len(chosen) > COMPONENTS:
        raise ValueError(f"the product of the crowds' densities has {len(chosen)} components, more than {COMPONENTS}")
    every = [components(density) for density in densities]
    picked = [
        [(own.means[k], own.covariances[k], own.log_weights[k]) for own, k in zip(every, one, strict=True)]
        for one in chosen
    ]
    means = torch.stack([torch.cat([mean for mean, _, _ in one]) for one in picked])
    covariances = torch.stack([torch.block_diag(*(covariance for _, covariance, _ in one)) for one in picked])
    logs = torch.stack([torch.stack([weight for _, _, weight in one]).sum() for one in picked])
    return mixture(Components(means, covariances, logs))


def marginal(density: GaussianMixture, crowd: int, crowds: int) -> GaussianMixture:
    """Return the density of one crowd's coordinates."""
    size = density.d // crowds
    return mixture(components(density).chosen(torch.arange(crowd * size, (crowd + 1) * size)))


def mixture(parts: Components) -> GaussianMixture:
    """Return the mixture by its matrices, which are kept as variances if they are all diagonal."""
    variances = parts.covariances.diagonal(dim1=1, dim2=2)
    alone = torch.equal(parts.covariances, torch.diag_embed(variances))
    return GaussianMixture(parts.means, variances if alone else parts.covariances, parts.log_weights.exp())
