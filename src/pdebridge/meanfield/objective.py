"""The five terms of the Lagrangian objective of a mean field game."""

from typing import NamedTuple

from torch import Tensor

from pdebridge.meanfield.characteristics import characteristics
from pdebridge.meanfield.games import Alpha, Game
from pdebridge.meanfield.potential import ValueFunction


class Terms(NamedTuple):
    """Expectations over the samples, each a scalar: the costs L, F, G and the two HJB penalties."""

    transport: Tensor
    running: Tensor
    terminal: Tensor
    hjb_path: Tensor
    hjb_final: Tensor

    def weighted(self, alpha: Alpha) -> "Terms":
        """Multiply each term by its weight."""
        return Terms(*(weight * term for weight, term in zip(alpha, self, strict=True)))

    @property
    def cost(self) -> Tensor:
        """Return ``L + F + G``: the value of the game, without penalties."""
        return self.transport + self.running + self.terminal

    @property
    def total(self) -> Tensor:
        """Return the sum of all five terms: the training loss, if they are weighted."""
        return self.cost + self.hjb_path + self.hjb_final


def expectations(
    game: Game,
    potential: ValueFunction,
    x: Tensor,
    steps: int,
    weights: Tensor | None = None,
    checkpointed: bool = False,
) -> Terms:
    """Return the unweighted terms.

        E c_L(1),   E c_F(1),   E log rho(z(1), 1)/rho_1(z(1)),   E c_1(1),   E |Phi(z(1), 1) - alpha_3 dG/drho|

    over the samples ``x`` of ``rho_0`` (Ruthotto et al. 2020). A penalty that is switched off by its weight
    still has a value to log.

    Args:
        game: densities, interactions and weights.
        potential: ``Phi``.
        x: samples ``(N, d)``.
        steps: Runge-Kutta steps on ``[0, 1]``.
        weights: quadrature weights ``(N,)``; ``1/N`` by default.
        checkpointed: trade repeated evaluations for memory, see `characteristics`.
    """
    log_rho0 = game.initial.log_density(x)
    end = characteristics(game, potential, x, steps, log_rho0, checkpointed=checkpointed)
    g, variation = game.terminal(end.z, log_rho0 - end.log_determinant)
    mismatch = (potential(end.z, 1.0) - game.alpha.terminal * variation).abs()
    _, kinetic, running, residual = end.integrals.unbind(0)

    def mean(values: Tensor) -> Tensor:
        return values.mean() if weights is None else weights @ values

    return Terms(mean(kinetic), mean(running), mean(g), mean(residual), mean(mismatch))


def objective(
    game: Game,
    potential: ValueFunction,
    x: Tensor,
    steps: int,
    weights: Tensor | None = None,
    checkpointed: bool = False,
) -> Terms:
    """Return the terms multiplied by the game's weights, as the public code logs them; minimise ``.total``."""
    return expectations(game, potential, x, steps, weights, checkpointed).weighted(game.alpha)
