"""Potential mean field games: the published ones, those with closed forms, and a user's own."""

from collections.abc import Iterator, Sequence
from math import cos, pi, sin
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from pdebridge.meanfield.densities import Array, Gaussian, GaussianMixture
from pdebridge.meanfield.interactions import Entropy, GaussianObstacle, Interaction, QuadraticCost, Time
from pdebridge.meanfield.normals import Normals


class Alpha(NamedTuple):
    """Weights ``alpha_1 .. alpha_5`` of the five terms of the objective; a penalty of weight 0 is switched off."""

    transport: float = 1.0
    running: float = 1.0
    terminal: float = 5.0
    hjb_path: float = 1.0
    hjb_final: float = 1.0


class Game(nn.Module):
    """A crowd ``rho`` that moves with velocity ``v`` on ``[0, 1]`` at the least cost.

    Find ``rho`` and ``v`` with ``d rho/dt + div(rho v) = 0`` and ``rho(0) = rho_0`` that minimise

        alpha_1 int int |v|^2/2 rho + alpha_2 int F(rho) + alpha_3 KL(rho(1) | rho_1)

    (Ruthotto, Osher, Li, Nurbekyan & Wu Fung, PNAS 117(17), 2020). The optimal velocity is ``-grad Phi / alpha_1``
    where ``-d Phi/dt + |grad Phi|^2/(2 alpha_1) = alpha_2 dF/drho`` and ``Phi(1) = alpha_3 dG/drho``.

    Args:
        initial: ``rho_0``.
        target: ``rho_1`` of the terminal cost.
        interactions: the parts of ``F``; none for ``F = 0``.
        alpha: the weights; ``alpha_1 > 0``, the others not negative.
        crowds: how many crowds of ``d/crowds`` coordinates each the space is made of (`pdebridge.meanfield.crowds`).

    Raises:
        ValueError: the dimensions differ, an interaction is not defined in them, or a weight is out of range.
    """

    def __init__(
        self,
        initial: GaussianMixture,
        target: GaussianMixture,
        interactions: Sequence[Interaction] = (),
        alpha: Alpha = Alpha(),  # noqa: B008 (immutable)
        crowds: int = 1,
    ) -> None:
        super().__init__()
        if initial.d != target.d:
            raise ValueError(f"rho_0 lives in {initial.d} dimensions, rho_1 in {target.d}; they must agree")
        if alpha.transport <= 0 or min(alpha) < 0:
            raise ValueError(f"alpha_1 must be positive and no other weight negative, not {tuple(alpha)}")
        for part in interactions:
            if initial.d < part.least_d:
                raise ValueError(f"{type(part).__name__} needs d >= {part.least_d}, not d = {initial.d}")
        self.initial, self.target, self.alpha, self.d = initial, target, alpha, initial.d
        self.crowds = crowds
        self.interactions = nn.ModuleList(interactions)

    def free(self) -> "Game":
        """Return the game without running costs: what moves along a given potential is the same, and sooner known."""
        return Game(self.initial, self.target, (), self.alpha, self.crowds)

    def running(self, x: Tensor, log_rho: Tensor, t: Time = 0.0, crowd: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``f`` with ``F(rho) = E f`` and ``dF/drho``, each ``(N,)``; zeros if there is no interaction.

        The rows ``x`` are samples of the crowd, unless others are given as `crowd`.
        """
        f = variation = torch.zeros_like(log_rho)
        for part in self._parts():
            f_part, variation_part = part.at(x, log_rho, t) if crowd is None else part.among(x, log_rho, t, crowd)
            f, variation = f + f_part, variation + variation_part
        return f, variation

    def below(self, x: Tensor, r: Normals, t: Tensor) -> Tensor:
        """Return ``b`` with ``F(rho) >= int b rho`` for every density, see `Interaction.below`."""
        return sum((part.below(x, r, t) for part in self._parts()), torch.zeros_like(x[:, :, 0]))

    def _parts(self) -> Iterator[Interaction]:
        return cast("Iterator[Interaction]", iter(self.interactions))

    def terminal(self, x: Tensor, log_rho: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``log rho/rho_1``, whose mean is ``KL(rho | rho_1)``, and the variation ``1 + log rho/rho_1``."""
        g = log_rho - self.target.log_density(x)
        return g, g + 1


def optimal_transport(d: int, alpha: Alpha = Alpha(2.0, 1.0, 5.0, 3.0, 3.0)) -> Game:  # noqa: B008 (immutable)
    """Eight Gaussians on the circle of radius 4 to one at the origin, ``F = 0``; published weights.

    Only the first two coordinates are not standard: the optimal value is the same in every d >= 2.

    Raises:
        ValueError: d < 2.
    """
    _at_least_two(d, "the circle of Gaussians")
    means = torch.zeros(8, d)
    means[:, :2] = torch.tensor([[4 * cos(k * pi / 4), 4 * sin(k * pi / 4)] for k in range(8)])
    return Game(GaussianMixture(means, 0.3), Gaussian(torch.zeros(d), 0.3), (), alpha)


def crowd_motion(d: int, alpha: Alpha = Alpha(1.0, 1.0, 5.0, 20.0, 1.0)) -> Game:  # noqa: B008 (immutable)
    """A Gaussian crowd from ``3 e_2`` to ``-3 e_2`` around an obstacle and away from itself; published weights.

    Raises:
        ValueError: d < 2.
    """
    _at_least_two(d, "the obstacle")
    start = torch.zeros(d)
    start[1] = 3.0
    interactions = (GaussianObstacle(50.0, variances=(1.0, 0.5)), Entropy(0.01))
    return Game(Gaussian(start, 0.3), Gaussian(-start, 0.3), interactions, alpha)


def gaussian_transport(
    mean0: Array,
    variance0: float | Array,
    mean1: Array,
    variance1: float | Array,
    alpha: Alpha = Alpha(2.0),  # noqa: B008
) -> Game:
    """One Gaussian to another, ``F = 0``; solved by `pdebridge.meanfield.closed_forms.GaussianTransport`."""
    return Game(Gaussian(mean0, variance0), Gaussian(mean1, variance1), (), alpha)


def gaussian(
    d: int,
    mean0: float = 1.0,
    std0: float = 1.0,
    mean1: float = -1.0,
    std1: float = 0.5,
    alpha: Alpha = Alpha(2.0, 1.0, 5.0, 3.0, 3.0),  # noqa: B008 (immutable)
) -> Game:
    """The same `gaussian_transport` in each of d coordinates."""
    return gaussian_transport([mean0] * d, std0**2, [mean1] * d, std1**2, alpha)


def linear_quadratic(
    d: int,
    mean0: float = 1.5,
    std0: float = 0.8,
    mean1: float = -1.0,
    std1: float = 0.5,
    k: float = 2.0,
    center: float = 0.4,
    entropy: float = 0.3,
    alpha: Alpha = Alpha(1.0, 1.0, 5.0, 3.0, 3.0),  # noqa: B008 (immutable)
) -> Game:
    """The same Gaussian game in each of d coordinates: ``F = int k|x - center|^2/2 rho + entropy int rho log rho``.

    Solved by `pdebridge.meanfield.closed_forms.LinearQuadratic`.
    """
    start, goal = torch.full((d,), mean0), torch.full((d,), mean1)
    interactions = (QuadraticCost(k, center), Entropy(entropy))
    return Game(Gaussian(start, std0**2), Gaussian(goal, std1**2), interactions, alpha)


def _at_least_two(d: int, what: str) -> None:
    if d < 2:
        raise ValueError(f"{what} lies in the plane of x_1 and x_2, so d must be at least 2, not {d}")
