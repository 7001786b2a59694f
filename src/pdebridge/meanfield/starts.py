"""Where descent over paths begins: near the crowd, and in places that owe nothing to the crowd.

A crowd that misses the cheapest way has no path near it. So starts also come from straight lines to samples of the
target, from detours around them, and, if the running cost depends on one or two coordinates, from the minimum over all
paths on a grid of these coordinates.
"""

from math import pi, sqrt

import torch
from torch import Tensor

from pdebridge.meanfield.paths import Lagrangian

NODES = 161
"""Of the grid, along each of its axes."""
SLICES = 16
"""Time steps on the grid, at most."""


@torch.no_grad()
def near_the_crowd(lagrangian: Lagrangian, paths: Tensor, starts: int, generator: torch.Generator) -> Tensor:
    """Return for each sample the cheapest of its own path and of others', sheared to begin at the sample."""
    remaining = _remaining(paths)
    others = (paths[:, _shuffled(paths, generator)] for _ in range(starts))
    return cheapest(lagrangian, [paths], (other + remaining * (paths[:1] - other[:1]) for other in others))


@torch.no_grad()
def away_from_it(lagrangian: Lagrangian, paths: Tensor, starts: int, generator: torch.Generator) -> Tensor:
    """Return for each sample the cheapest of starts that do not depend on its path but through where it begins.

    Args:
        lagrangian: the cost.
        paths: characteristics ``(n + 1, N, d)``; their first points are kept.
        starts: lines and detours; half of these pass through random points.
        generator: of target samples, sides and points.
    """
    axes = active(lagrangian, generator)
    within = reach(lagrangian, paths)
    every = [straight(lagrangian, paths, generator)]
    if 1 <= len(axes) <= 2:
        every.append(Plane(lagrangian, axes, paths[0].mean(0), 2 * within).paths(paths))
    return cheapest(lagrangian, every, (detour(lagrangian, paths, axes, within, generator, k) for k in range(starts)))


def cheapest(lagrangian: Lagrangian, first: list[Tensor], others: object) -> Tensor:
    """Return for each sample the cheapest path of all candidates."""
    best, cost = first[0], lagrangian(first[0])
    for candidate in [*first[1:], *others]:  # type: ignore[misc]
        trial = lagrangian(candidate)
        best = torch.where((trial < cost).unsqueeze(1), candidate, best)
        cost = torch.minimum(trial, cost)
    return best


def straight(lagrangian: Lagrangian, paths: Tensor, generator: torch.Generator) -> Tensor:
    """Return lines of constant speed to samples of the target."""
    goal = lagrangian.game.target.sample(paths.shape[1], generator)
    return paths[0] + (1 - _remaining(paths)) * (goal - paths[0])


def detour(
    lagrangian: Lagrangian, paths: Tensor, axes: Tensor, within: float, generator: torch.Generator, k: int
) -> Tensor:
    """Return lines to the target bent sideways along one active axis, or two lines through a random point.

    Bends of even `k` have sizes ``reach, reach/2, ...`` and either sign; points of odd `k` lie within the reach.
    """
    line = straight(lagrangian, paths, generator)
    if not len(axes):
        return line
    size = (within / 2 ** (k // 4 % 4)) * (1 - 2 * (k // 2 % 2))
    bend = torch.zeros_like(line[0])
    if k % 2 == 0:
        axis = axes[torch.randint(len(axes), (), generator=generator, device=axes.device)]
        bend[:, axis] = size
        return line + (pi * _remaining(paths)).sin() * bend
    noise = torch.rand(len(bend), len(axes), generator=generator, dtype=line.dtype, device=line.device)
    bend[:, axes] = within / sqrt(len(axes)) * (noise - 0.5)
    tent = 1 - (2 * _remaining(paths) - 1).abs()
    return line + tent * bend


@torch.no_grad()
def reach(lagrangian: Lagrangian, paths: Tensor) -> float:
    """Return how far a path of no more than the paths' own cost can go and come back.

    Both ways cost ``2 alpha_1 R^2``, which is at most the cost less the least of what else there is to pay: the running
    cost is taken to be positive, the terminal one not below that at samples of the target.
    """
    goal = lagrangian.game.target.sobol(paths.shape[1], 0)
    least = torch.minimum(lagrangian.potential(goal, 1.0).min(), lagrangian.potential(paths[-1], 1.0).min())
    spare = (lagrangian(paths).max() - least).clamp_min(0)
    across = (paths.amax((0, 1)) - paths.amin((0, 1))).max()
    return float((spare / (2 * lagrangian.game.alpha.transport)).sqrt().maximum(across / 2))


def active(lagrangian: Lagrangian, generator: torch.Generator) -> Tensor:
    """Return the coordinates on which the running cost of a place depends, seen from its gradient at many places."""
    game = lagrangian.game
    x = torch.cat([game.initial.sample(256, generator), game.target.sample(256, generator)])
    x = x + 4 * torch.rand(x.shape, generator=generator, dtype=x.dtype, device=x.device) - 2
    x.requires_grad_()
    with torch.enable_grad():
        f = game.running(x, torch.zeros_like(x[:, 0]))[0].sum()
    if not f.requires_grad:
        return torch.empty(0, dtype=torch.long, device=x.device)
    (slope,) = torch.autograd.grad(f, x)
    return slope.abs().amax(0).nonzero().squeeze(1)


class Plane:
    """The least cost of all paths on a grid of one or two coordinates, backward in time by dynamic programming.

    ``V_k(x) = h f_k(x) + min_y alpha_1 |x - y|^2/(2h) + V_(k+1)(y)``, the minimum along one axis after the other; the
    other coordinates stand where the crowd is in the mean.
    """

    def __init__(self, lagrangian: Lagrangian, axes: Tensor, center: Tensor, within: float) -> None:
        self.axes, self.center = axes, center[axes]
        self.every = max(1, (len(lagrangian.means) - 1) // SLICES)
        self.line = torch.linspace(-within, within, NODES, dtype=center.dtype, device=center.device)
        grid = torch.cartesian_prod(*[self.line] * len(axes)).view(-1, len(axes)) + self.center
        h = 1 / len(range(0, len(lagrangian.means) - 1, self.every))
        pull = lagrangian.game.alpha.transport / (2 * h) * (self.line.unsqueeze(1) - self.line).square()
        shape = (NODES,) * len(axes)
        V = lagrangian.potential(self._places(lagrangian, -1, grid), 1.0).view(shape)
        self.moves: list[list[Tensor]] = []
        for k in reversed(range(0, len(lagrangian.means) - 1, self.every)):
            V, chosen = self._step(V, pull)
            f = lagrangian.at(k, self._places(lagrangian, k, grid)).view(shape)
            V = V + lagrangian.game.alpha.running * h * f
            self.moves.insert(0, chosen)

    def _places(self, lagrangian: Lagrangian, k: int, grid: Tensor) -> Tensor:
        places = lagrangian.means[k].repeat(len(grid), 1)
        places[:, self.axes] = grid
        return places

    def _step(self, V: Tensor, pull: Tensor) -> tuple[Tensor, list[Tensor]]:
        chosen = []
        for axis in range(V.ndim):
            moved = V.movedim(axis, -1)
            value, index = (moved.unsqueeze(-2) + pull).min(-1)
            V = value.movedim(-1, axis)
            chosen.append(index.movedim(-1, axis))
        return V, chosen

    def paths(self, own: Tensor) -> Tensor:
        """Return the cheapest paths from the nodes nearest to the first points of `own`, moved to begin there.

        The coordinates that are not of the grid are those of the target's mean, approached in straight lines.
        """
        start = own[0][:, self.axes]
        place = ((start - self.center - self.line[0]) / (self.line[1] - self.line[0])).round().long()
        place = place.clamp(0, NODES - 1)
        nodes = [place]
        for chosen in self.moves:
            place = self._follow(chosen, place)
            nodes.append(place)
        points = self.line[torch.stack(nodes)] + self.center
        points = torch.nn.functional.interpolate(
            points.permute(1, 2, 0), size=len(own), mode="linear", align_corners=True
        ).permute(2, 0, 1)
        paths = own[0] + (1 - _remaining(own)) * (own[-1].mean(0) - own[0])
        paths[:, :, self.axes] = points + _remaining(own) * (start - points[0])
        return paths

    def _follow(self, chosen: list[Tensor], place: Tensor) -> Tensor:
        """Return where the minima lead from a node: of the last axis first, the others at what that one found."""
        place = place.clone()
        for axis in reversed(range(len(chosen))):
            place[:, axis] = chosen[axis][tuple(place.unbind(1))]
        return place


def _remaining(paths: Tensor) -> Tensor:
    """Return ``1 - t`` at the nodes of the paths, to be multiplied with them."""
    return torch.linspace(1, 0, len(paths), dtype=paths.dtype, device=paths.device).view(-1, 1, 1)


def _shuffled(paths: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randperm(paths.shape[1], generator=generator, device=paths.device)
