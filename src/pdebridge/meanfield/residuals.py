"""The residual of the Hamilton-Jacobi-Bellman equation, where the crowd goes and beside it."""

from math import inf

import torch
from torch import Tensor

from pdebridge.meanfield.characteristics import trajectory
from pdebridge.meanfield.games import Game
from pdebridge.meanfield.potential import ValueFunction


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
                log_rho = flow_density(game, potential, beside, k, steps)
            off.append(_residual(game, potential, beside, t, log_rho, state.z))
    quantiles = torch.tensor(levels, dtype=x.dtype, device=x.device)
    return {name: torch.cat(parts).quantile(quantiles).tolist() for name, parts in (("on", on), ("off", off))}


def _residual(
    game: Game, potential: ValueFunction, z: Tensor, t: float, log_rho: Tensor, crowd: Tensor | None = None
) -> Tensor:
    grad, dt, _ = potential.prepare()(z, t)
    _, variation = game.running(z, log_rho, t, crowd)
    kinetic = grad.square().sum(1) / (2 * game.alpha.transport)
    return (kinetic - dt - game.alpha.running * variation).abs()


def flow_density(game: Game, potential: ValueFunction, z: Tensor, k: int, steps: int) -> Tensor:
    """Return ``log rho(z, k/steps)`` of the computed flow; minus infinity where following it back diverges."""
    if k == 0:
        return game.initial.log_density(z)
    *_, start = trajectory(game.free(), potential, z, k, interval=(k / steps, 0.0))
    return (game.initial.log_density(start.z) + start.log_determinant).nan_to_num(-inf)
