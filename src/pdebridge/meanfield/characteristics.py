"""Samples moved along the characteristics of the continuity equation together with their density and costs."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from pdebridge.meanfield.adjoint import FusedCharacteristics, Grid
from pdebridge.meanfield.derivatives import Derivatives
from pdebridge.meanfield.features import applicable, characteristics_of_features
from pdebridge.meanfield.games import Game
from pdebridge.meanfield.potential import Potential, ValueFunction


class Characteristics(NamedTuple):
    """The augmented state of ``N`` samples at one time.

    ``z`` ``(N, d)`` is the position; the rows of `integrals` ``(4, N)`` are the log-determinant ``l`` of ``dz/dx``, so
    that ``log rho(z, t) = log rho_0(x) - l``, the costs ``c_L`` and ``c_F``, and the HJB residual ``c_1``.
    """

    z: Tensor
    integrals: Tensor

    @property
    def log_determinant(self) -> Tensor:
        """Return ``l``, shape ``(N,)``."""
        return self.integrals[0]


def characteristics(
    game: Game,
    potential: ValueFunction,
    x: Tensor,
    steps: int,
    log_rho0: Tensor | None = None,
    interval: tuple[float, float] = (0.0, 1.0),
    checkpointed: bool = False,
) -> Characteristics:
    """Return the state at the end of `interval` of samples that start in ``x``; see `trajectory`.

    A `Potential` is integrated with a hand-written adjoint, any other value function with autograd.

    Args:
        game: densities, interactions and weights.
        potential: ``Phi``.
        x: samples ``(N, d)``.
        steps: number of Runge-Kutta steps.
        log_rho0: ``log rho_0(x)`` if known already, ``(N,)``.
        interval: initial and final time; a final time before the initial one integrates backward.
        checkpointed: keep the state of each step only and repeat its evaluations for the gradient.

    Raises:
        ValueError: `steps` is less than 1 or ``x`` is not ``(N, d)``.
    """
    if not isinstance(potential, Potential):
        (end,) = deque(trajectory(game, potential, x, steps, log_rho0, interval, checkpointed), maxlen=1)
        return end
    _check(game, potential, x, steps)
    prepared = potential.prepare()
    h = (interval[1] - interval[0]) / steps
    grid = Grid(game, prepared.row_norms, steps, interval[0], h, checkpointed)
    log_rho0 = game.initial.log_density(x) if log_rho0 is None else log_rho0
    if applicable(grid, prepared.weights):
        z, integrals = characteristics_of_features(grid, x.t(), prepared.weights)
    else:
        z, integrals = FusedCharacteristics.apply(grid, x.t(), log_rho0, *prepared.weights)
    return Characteristics(z.t(), integrals)


def trajectory(
    game: Game,
    potential: ValueFunction,
    x: Tensor,
    steps: int,
    log_rho0: Tensor | None = None,
    interval: tuple[float, float] = (0.0, 1.0),
    checkpointed: bool = False,
) -> Iterator[Characteristics]:
    """Yield the start and the state after each of `steps` classical Runge-Kutta steps.

    The differential equation is, from ``(x, 0, 0, 0, 0)`` (Ruthotto et al. 2020),

        z'   = -grad Phi(z, t) / alpha_1
        l'   = -Laplacian Phi(z, t) / alpha_1
        c_L' = |z'|^2 / 2
        c_F' = f(z, rho)
        c_1' = | -dPhi/dt - alpha_2 dF/drho + alpha_1 c_L' |

    The arguments are those of `characteristics`.
    """
    _check(game, potential, x, steps)
    start, end = interval
    h = (end - start) / steps
    rates = Rates(game, potential.prepare(), game.initial.log_density(x) if log_rho0 is None else log_rho0)
    state = Characteristics(x, x.new_zeros(4, len(x)))
    yield state
    for k in range(steps):
        t = start + k * h
        if checkpointed:
            state = Characteristics(*checkpoint(rk4_step, rates, *state, t, h, use_reentrant=False))
        else:
            state = Characteristics(*rk4_step(rates, *state, t, h))
        yield state


def _check(game: Game, potential: ValueFunction, x: Tensor, steps: int) -> None:
    if steps < 1:
        raise ValueError(f"characteristics need at least one time step, not {steps}")
    if x.ndim != 2 or x.shape[1] != game.d or potential.d != game.d:
        raise ValueError(f"the game is in d = {game.d}, the potential in {potential.d}, samples are {tuple(x.shape)}")


class Rates(NamedTuple):
    """The right-hand side of the characteristics at fixed weights, for fixed samples."""

    game: Game
    prepared: Callable[[Tensor, float], Derivatives]
    log_rho0: Tensor

    def __call__(self, z: Tensor, log_determinant: Tensor, t: float) -> tuple[Tensor, Tensor]:
        """Return ``z'`` ``(N, d)`` and the rates of the four integrals ``(4, N)``."""
        alpha = self.game.alpha
        grad, dt, laplacian = self.prepared(z, t)
        kinetic = grad.square().sum(1) * (0.5 / alpha.transport**2)
        residual = alpha.transport * kinetic - dt
        f = torch.zeros_like(dt)
        if self.game.interactions:
            f, variation = self.game.running(z, self.log_rho0 - log_determinant, t)
            residual = residual - alpha.running * variation
        return grad / -alpha.transport, torch.stack([laplacian / -alpha.transport, kinetic, f, residual.abs()])


def rk4_step(rates: Rates, z: Tensor, integrals: Tensor, t: float, h: float) -> tuple[Tensor, Tensor]:
    """Advance position and integrals by one classical Runge-Kutta step of size `h`."""
    z1, i1 = rates(z, integrals[0], t)
    z2, i2 = rates(torch.add(z, z1, alpha=h / 2), integrals[0] + h / 2 * i1[0], t + h / 2)
    z3, i3 = rates(torch.add(z, z2, alpha=h / 2), integrals[0] + h / 2 * i2[0], t + h / 2)
    z4, i4 = rates(torch.add(z, z3, alpha=h), integrals[0] + h * i3[0], t + h)
    return z + h / 6 * (z1 + 2 * (z2 + z3) + z4), integrals + h / 6 * (i1 + 2 * (i2 + i3) + i4)
