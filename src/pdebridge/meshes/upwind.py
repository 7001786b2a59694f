"""One explicit transport scheme for the velocities of any method, so that their costs are compared like with like.

The continuity equation ``d rho/dt + div(rho v) = 0`` on cells, no flux through the boundary: upwind values from slopes
limited by minmod (second order where smooth, no negative density), two-stage Runge-Kutta with strong stability.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from pdebridge.meanfield.games import Game
from pdebridge.meanfield.potential import ValueFunction
from pdebridge.meshes.crowd import MeshSolution, entropy_weight, external_cost
from pdebridge.meshes.grid import Array, Grid, points
from pdebridge.meshes.staggered import resample

Velocity = Callable[[float, Array], Array]
"""``(t, points (N, 2)) -> velocities (N, 2)``."""


class Transported(NamedTuple):
    """Weighted costs of a velocity field and the density ``(snapshots, n_1, n_2)`` it produces."""

    transport: float
    running: float
    terminal: float
    rho: Array

    @property
    def value(self) -> float:
        """Return ``L + F + G``."""
        return self.transport + self.running + self.terminal


def transport(game: Game, grid: Grid, velocity: Velocity, steps: int, snapshots: int = 5) -> Transported:
    """Move ``rho_0`` by a velocity field and return its costs, by the trapezoidal rule in time.

    Args:
        game: densities, external costs and entropies, weights; d = 2.
        grid: cells.
        velocity: the field.
        steps: time steps; ``|v| dt/dx <= 1/2`` must hold on every face.
        snapshots: densities to keep, at equal times from 0 to 1.

    Raises:
        ValueError: the time step is too long for the velocity, or snapshots do not fit the steps.
    """
    if snapshots < 2 or steps % (snapshots - 1):
        raise ValueError(f"{steps} steps cannot be divided into {snapshots - 1} intervals between snapshots")
    dt, alpha, area = 1 / steps, game.alpha, grid.area
    Q, entropy = external_cost(game, grid), entropy_weight(game)
    faces = [points(grid.faces(0), grid.axis(1)), points(grid.axis(0), grid.faces(1))]
    shapes = [(grid.cells[0] - 1, grid.cells[1]), (grid.cells[0], grid.cells[1] - 1)]

    def field(t: float) -> list[Array]:
        return [velocity(t, x)[:, k].reshape(shape) for k, (x, shape) in enumerate(zip(faces, shapes, strict=True))]

    rho, L, F, kept = grid.discretise(game.initial), 0.0, 0.0, []
    now = field(0.0)
    for k in range(steps + 1):
        if k % (steps // (snapshots - 1)) == 0:
            kept.append(rho)
        weight = dt * (0.5 if k in (0, steps) else 1.0)
        L += weight * area * alpha.transport * kinetic(rho, now)
        F += weight * area * alpha.running * float((Q * rho + entropy * rho * log_of(rho)).sum())
        if k < steps:
            ahead = field((k + 1) * dt)
            check(now, grid, dt)
            half = rho + dt * divergence(rho, now, grid)
            rho = 0.5 * (rho + half + dt * divergence(half, ahead, grid))
            now = ahead
    G = alpha.terminal * area * float((rho * (log_of(rho) - log_of(grid.discretise(game.target)))).sum())
    return Transported(L, F, G, np.stack(kept))


def network_velocity(game: Game, potential: ValueFunction) -> Velocity:
    """Return ``-grad Phi/alpha_1`` of a value function."""
    prepared = potential.prepare()

    def velocity(t: float, x: Array) -> Array:
        with torch.no_grad():
            rows = torch.as_tensor(x, dtype=game.initial.means.dtype)
            return (prepared(rows, t).grad / -game.alpha.transport).double().numpy()

    return velocity


def mesh_velocity(game: Game, solution: MeshSolution) -> Velocity:
    """Return ``-grad Phi/alpha_1`` of a mesh solution: differences across faces at half steps, interpolated linearly.

    The momentum divided by the density is the same where the crowd is, and noise where it is not.
    """
    grid, steps = solution.grid, len(solution.potential)
    times = (np.arange(steps) + 0.5) / steps
    fields = []
    for k in (0, 1):
        slope = np.diff(solution.potential, axis=k + 1) / (-game.alpha.transport * grid.h[k])
        axes = [times, *(grid.faces(j) if j == k else grid.axis(j) for j in (0, 1))]
        fields.append((slope, axes))

    def velocity(t: float, x: Array) -> Array:
        return np.stack([interpolate(values, axes, t, x) for values, axes in fields], axis=1)

    return velocity


def interpolate(values: Array, axes: list[Array], t: float, x: Array) -> Array:
    """Interpolate linearly at one time and scattered points, constant beyond the ends."""
    slice_ = resample(values, axes, [np.array([t]), axes[1], axes[2]])[0]
    at = [np.clip(x[:, k], axes[k + 1][0], axes[k + 1][-1]) for k in (0, 1)]
    return _bilinear(slice_, axes[1:], at)


def _bilinear(values: Array, axes: list[Array], at: list[Array]) -> Array:
    cell, part = [], []
    for axis, a in zip(axes, at, strict=True):
        position = (a - axis[0]) / (axis[1] - axis[0])
        index = np.clip(position.astype(int), 0, len(axis) - 2)
        cell.append(index)
        part.append(position - index)
    (i, j), (p, q) = cell, part
    low = values[i, j] * (1 - q) + values[i, j + 1] * q
    high = values[i + 1, j] * (1 - q) + values[i + 1, j + 1] * q
    return low * (1 - p) + high * p


def divergence(rho: Array, v: list[Array], grid: Grid) -> Array:
    """Return ``-div(rho v)`` on the cells for velocities on the interior faces."""
    change = np.zeros_like(rho)
    for axis, speed in enumerate(v):
        r = np.moveaxis(rho, axis, 0)
        w = np.moveaxis(speed, axis, 0)
        slope = np.zeros_like(r)
        slope[1:-1] = minmod(r[1:-1] - r[:-2], r[2:] - r[1:-1])
        flux = np.where(w > 0, w * (r[:-1] + 0.5 * slope[:-1]), w * (r[1:] - 0.5 * slope[1:]))
        closed = np.pad(flux, [(1, 1), (0, 0)])
        change -= np.moveaxis(np.diff(closed, axis=0), 0, axis) / grid.h[axis]
    return change


def minmod(a: Array, b: Array) -> Array:
    """Return the smaller of two slopes of equal sign, 0 if their signs differ."""
    return np.where(a * b > 0, np.where(np.abs(a) < np.abs(b), a, b), 0.0)


def kinetic(rho: Array, v: list[Array]) -> float:
    """Return ``sum |v|^2/2 rho`` with ``rho`` averaged to the faces."""
    first = v[0] ** 2 * (rho[1:] + rho[:-1])
    second = v[1] ** 2 * (rho[:, 1:] + rho[:, :-1])
    return 0.25 * float(first.sum() + second.sum())


def log_of(rho: Array) -> Array:
    """Return the logarithm of a density, finite where it vanishes."""
    return np.log(np.maximum(rho, 1e-300))


def check(v: list[Array], grid: Grid, dt: float) -> None:
    """Refuse a time step in which something crosses more than half a cell."""
    courant = max(float(np.abs(speed).max()) * dt / h for speed, h in zip(v, grid.h, strict=True))
    if courant > 0.5:
        raise ValueError(f"the time step carries the density over {courant:.2f} cells; at most 0.5: take more steps")
