"""A mesh solution and a network on one grid: densities by one transport, velocities, potentials, residuals."""

from copy import deepcopy
from math import ceil

import numpy as np
import torch

from pdebridge.meanfield.games import Game
from pdebridge.meanfield.potential import ValueFunction
from pdebridge.meshes.crowd import MeshSolution, entropy_weight, external_cost
from pdebridge.meshes.grid import Array, Grid, points
from pdebridge.meshes.staggered import resample
from pdebridge.meshes.upwind import Velocity, log_of, mesh_velocity, network_velocity, transport

TIMES = (0.25, 0.5, 0.75)
SNAPSHOTS = 5  # 0 and 1 besides
PATHS, STEPS, SEED = 96, 64, 1618


def compare(game: Game, potential: ValueFunction, solution: MeshSolution) -> tuple[dict[str, float], dict[str, Array]]:
    """Return how far a network is from a mesh solution, in per cent, and the fields of both for a figure.

    With ``rho`` and ``v`` of the mesh, sums over its cells and the times 1/4, 1/2 and 3/4:

    - ``mesh/density``: ``|rho' - rho| / |rho|``; both move ``rho_0`` by `pdebridge.meshes.upwind.transport`;
    - ``mesh/velocity``: ``(sum rho |v' - v|^2 / sum rho |v|^2)^(1/2)``;
    - ``mesh/potential``: the distance of ``Phi`` in ``L2(rho)`` over its deviation there, each less its mean;
    - ``mesh/residual``, ``mesh/residual-mesh``: mean of `residual` in ``L1(rho)`` at t = 1/2, of network and mesh, in
      the unit of the cost's rate, not in per cent;
    - ``mesh/transported``, ``mesh/transported-mesh``: the cost by that transport, of network and mesh.

    Args:
        game: d = 2.
        potential: the network's ``Phi``.
        solution: the mesh's.
    """
    game, potential = deepcopy(game).double(), _double(potential)
    grid = solution.grid
    velocities = {"mesh": mesh_velocity(game, solution), "network": network_velocity(game, potential)}
    fields = {"mesh": solution.potential, "network": sampled(potential, grid, len(solution.potential))}
    moved = {name: transport(game, grid, v, courant_steps(v, grid), SNAPSHOTS) for name, v in velocities.items()}
    density = {name: found.rho[1:-1] for name, found in moved.items()}
    start = game.initial.sample(PATHS, torch.Generator().manual_seed(SEED)).numpy()
    residuals = {name: residual(game, grid, fields[name], density[name][1]) for name in fields}
    rho = density["mesh"]
    weights = rho / rho.sum()
    v, w = (np.stack([velocity(t, grid.centers()) for t in TIMES]) for velocity in velocities.values())
    phi, psi = (centred(at_times(fields[name], TIMES), weights) for name in ("mesh", "network"))
    figures = {
        "mesh/density": 100 * float(np.linalg.norm(density["network"] - rho) / np.linalg.norm(rho)),
        "mesh/velocity": 100 * relative(w - v, v, weights.reshape(len(TIMES), -1, 1)),
        "mesh/potential": 100 * relative(psi - phi, phi, weights),
        "mesh/residual": mean_of(residuals["network"], density["network"][1]),
        "mesh/residual-mesh": mean_of(residuals["mesh"], rho[1]),
        "mesh/transported": moved["network"].value,
        "mesh/transported-mesh": moved["mesh"].value,
    }
    arrays = {
        "axis1": grid.axis(0),
        "axis2": grid.axis(1),
        "times": np.array(TIMES),
        "obstacle": external_cost(game, grid),
    }
    for name, velocity in velocities.items():
        arrays |= {
            f"{name}/density": density[name],
            f"{name}/potential": centred(at_times(fields[name], TIMES), weights)[1],
            f"{name}/residual": residuals[name],
            f"{name}/paths": paths(velocity, start),
        }
    return figures, arrays


def _double(potential: ValueFunction) -> ValueFunction:
    """Return the potential in double precision, the precision of the mesh."""
    return deepcopy(potential).double() if isinstance(potential, torch.nn.Module) else potential


def courant_steps(velocity: Velocity, grid: Grid) -> int:
    """Return a number of time steps, divisible by four, in which nothing crosses half a cell."""
    faces = [points(grid.faces(0), grid.axis(1)), points(grid.axis(0), grid.faces(1))]
    speeds = [
        np.abs(velocity(t, x)[:, k]).max() / grid.h[k] for t in np.linspace(0, 1, 17) for k, x in enumerate(faces)
    ]
    return 4 * ceil(0.55 * max(speeds))


def sampled(potential: ValueFunction, grid: Grid, steps: int) -> Array:
    """Return ``Phi`` at the cells' centers and the half steps, ``(steps, n_1, n_2)``."""
    x = torch.from_numpy(grid.centers())
    with torch.no_grad():
        values = [potential(x, (k + 0.5) / steps).numpy() for k in range(steps)]
    return np.stack(values).reshape(steps, *grid.cells)


def at_times(potential: Array, times: tuple[float, ...]) -> Array:
    """Interpolate a field on half steps linearly in time."""
    axes = [np.arange(n, dtype=float) for n in potential.shape[1:]]
    half = (np.arange(len(potential)) + 0.5) / len(potential)
    return resample(potential, [half, *axes], [np.array(times), *axes])


def centred(values: Array, weights: Array) -> Array:
    """Subtract the weighted mean at each time."""
    share = weights / weights.sum((1, 2), keepdims=True)
    return values - (share * values).sum((1, 2), keepdims=True)


def relative(difference: Array, reference: Array, weights: Array) -> float:
    """Return the weighted norm of a difference over that of a reference."""
    return float(np.sqrt((weights * difference**2).sum() / (weights * reference**2).sum()))


def mean_of(values: Array, rho: Array) -> float:
    """Return the mean of the absolute value under a density on equal cells."""
    return float((rho * np.abs(values)).sum() / rho.sum())


def residual(game: Game, grid: Grid, potential: Array, rho: Array) -> Array:
    """Return ``-dPhi/dt + |grad Phi|^2/(2 alpha_1) - alpha_2 dF/drho`` at t = 1/2 by central differences on the cells.

    Args:
        game: weights and interactions.
        grid: cells.
        potential: ``Phi`` at an even number of half steps.
        rho: the density at t = 1/2.
    """
    steps = len(potential)
    before, after = potential[steps // 2 - 1], potential[steps // 2]
    slopes = np.gradient(0.5 * (before + after), *grid.h)
    kinetic = sum(slope**2 for slope in slopes) / (2 * game.alpha.transport)
    variation = external_cost(game, grid) + entropy_weight(game) * (1 + log_of(rho))
    return np.asarray(kinetic - (after - before) * steps - game.alpha.running * variation)


def paths(velocity: Velocity, x: Array) -> Array:
    """Return characteristics ``(STEPS + 1, N, 2)`` from rows ``x`` by the classical Runge-Kutta method."""
    h, z = 1 / STEPS, [x]
    for k in range(STEPS):
        t, y = k * h, z[-1]
        k1 = velocity(t, y)
        k2 = velocity(t + h / 2, y + h / 2 * k1)
        k3 = velocity(t + h / 2, y + h / 2 * k2)
        k4 = velocity(t + h, y + h * k3)
        z.append(y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4))
    return np.stack(z)
