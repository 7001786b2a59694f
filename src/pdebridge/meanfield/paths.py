"""The cheapest path of one sample through a frozen crowd: its Lagrangian, and descent on it."""

import torch
from torch import Tensor

from pdebridge.meanfield.games import Game
from pdebridge.meanfield.normals import Normals
from pdebridge.meanfield.potential import ValueFunction


class Lagrangian:
    """The cost of piecewise linear paths ``(n + 1, N, d)``, trapezoidal in time.

    ``alpha_1/(2h) sum |z_(k+1) - z_k|^2 + alpha_2 h sum' b(z_k, r_k) + Phi(z_n, 1)``

    Args:
        game: weights and interactions.
        potential: gives the terminal cost.
        crowd: paths whose moments define the normal densities ``r_k``.
    """

    def __init__(self, game: Game, potential: ValueFunction, crowd: Tensor) -> None:
        self.game, self.potential, self.crowd, self.h = game, potential, crowd, 1 / (len(crowd) - 1)
        self.means = crowd.mean(1, keepdim=True)
        if game.interactions:
            self.normals = Normals.of(crowd)

    def coarser(self) -> "Lagrangian":
        """Return the same with steps of twice the length."""
        return Lagrangian(self.game, self.potential, self.crowd[::2])

    def __call__(self, paths: Tensor) -> Tensor:
        """Return the cost of each path, ``(N,)``."""
        alpha = self.game.alpha
        cost = alpha.transport / (2 * self.h) * (paths[1:] - paths[:-1]).square().sum((0, 2))
        cost = cost + self.potential(paths[-1], 1.0)
        if self.game.interactions:
            cost = cost + alpha.running * self.h * torch.trapezoid(self.running(paths), dim=0)
        return cost

    def running(self, points: Tensor) -> Tensor:
        """Return ``b(z, r_k)`` at points ``(n + 1, N, d)``, a row a time, ``(n + 1, N)``."""
        t = (self.h * torch.arange(len(points), dtype=points.dtype, device=points.device)).unsqueeze(1)
        return self.game.below(points, self.normals, t)

    def at(self, k: int, x: Tensor) -> Tensor:
        """Return ``b(x, r_k)`` at rows ``x``, ``(N,)``."""
        return self.game.below(x.unsqueeze(0), self.normals.at(k), x.new_full((1, 1), k * self.h))[0]

    def descend(self, paths: Tensor, iterations: int) -> tuple[Tensor, Tensor, Tensor]:
        """Descend from `paths` in the metric of the kinetic energy, with their first points held.

        Each path has a step length of its own, longer after a success, halved after a failure.

        Returns:
            the paths, their costs, and by how much these fell in the second half of the iterations.
        """
        pieces = len(paths) - 1
        nodes = torch.arange(1, pieces + 1, dtype=paths.dtype, device=paths.device) * self.h
        inverse = torch.minimum(nodes.unsqueeze(1), nodes) / self.game.alpha.transport  # of the kinetic Hessian
        step = torch.ones_like(paths[0, :, 0])
        cost, slope = self._slope(paths)
        halfway = cost
        for k in range(iterations):
            halfway = cost if k <= iterations // 2 else halfway
            direction = torch.einsum("jk,knd->jnd", inverse, slope[1:])
            moved = torch.cat([paths[:1], paths[1:] - step.unsqueeze(1) * direction])
            trial, trial_slope = self._slope(moved)
            better = trial < cost
            cost = torch.where(better, trial, cost)
            chosen = better.unsqueeze(1)
            paths, slope = torch.where(chosen, moved, paths), torch.where(chosen, trial_slope, slope)
            step = torch.where(better, 1.5 * step, 0.5 * step)
        return paths, cost, halfway - cost

    def _slope(self, paths: Tensor) -> tuple[Tensor, Tensor]:
        paths = paths.detach().requires_grad_()
        with torch.enable_grad():
            cost = self(paths)
        return cost.detach(), torch.autograd.grad(cost.sum(), paths)[0]
