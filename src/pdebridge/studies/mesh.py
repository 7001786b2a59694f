"""Games in the plane on finer and finer meshes, and how far the networks are from them."""

import math
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np
import torch

from pdebridge.errors import UserError
from pdebridge.files import read_json
from pdebridge.meanfield.closed_forms import Costs, LinearQuadratic
from pdebridge.meanfield.games import Game
from pdebridge.meshes.crowd import CrowdOnMesh, MeshSolution, entropy_weight
from pdebridge.meshes.grid import Grid
from pdebridge.meshes.transport import EntropicTransport
from pdebridge.studies.fields import compare
from pdebridge.studies.gather import gather
from pdebridge.studies.result import Measurement, StudyResult
from pdebridge.training.games import Solved, restore

SIZES = ((16, 16, 8), (24, 24, 12), (36, 36, 18))  # a cell of the first is 1.5 deviations of transport
MARGIN, LEAST = 2.5, 3.0  # of the domain around the components' means, and its least reach
DEVIATIONS = 4.5  # least margin in standard deviations of a component; 4.56 for the published games
GAMMA, TOLERANCE = 5e-4, 1e-6  # of the splitting
RESOLVED = 0.25  # per cent of the cost: a mesh that is farther from its limit measures itself, not the network
EPSILONS = (1.0, 0.3, 0.1, 0.05, 0.02)
Part = dict[tuple[str, str], float]


def mesh(
    runs: list[Path],
    sizes: Sequence[Sequence[int]] = SIZES,
    iterations: int = 2500,
    entropic: Sequence[int] = (20, 30, 45),
) -> StudyResult:
    """Solve the games of the runs in the plane on meshes that owe nothing to a network, and compare.

    For a game whose run in the plane is the cell ``d2``:

    - cells ``d2-mesh-36x36x18`` (cells in space, time steps): ``cost/L``, ``cost/F``, ``cost/G``, ``cost/total`` of the
      proximal splitting, its last relative ``change`` and ``seconds``;
    - cells ``d2-entropic-45`` if there is no running cost: ``cost/L``, ``cost/G``, ``cost/total``, the dual ``bound``
      of the same grid, ``seconds``;
    - cell ``d2-mesh``: ``order``, observed on the last three sizes, of the cost, ``order/F`` of the running cost, and
      the cost's ``limit`` by Richardson's extrapolation with that order; nothing if costs do not fall or rise
      steadily; cell ``d2-entropic``: the same of the middle between entropic cost and bound;
    - cell ``d2-mesh``, ``mesh/own-error`` (%): how far the finest mesh's cost is from the limit;
    - cell ``d2``: what `pdebridge.studies.fields.compare` measures on the finest mesh, unless that error is more than
      a quarter of a per cent, when the distance would be the mesh's own;
    - every cell of the game: ``mesh/error`` (%) of its cost against the limit (the entropic one if there is one, the
      finest mesh's cost if there is none) and the closed form of what each further coordinate adds;
      ``cost/running-shift``, its running cost less that of the mesh, and beside it ``exact/running-shift``;
    - cell ``beyond-the-plane``: ``cost/running-shift`` of each further coordinate, by least squares over the cells with
      d > 2 of one seed at a time.

    Args:
        runs: run directories of games.
        sizes: cells along both axes and time steps, coarsest first.
        iterations: of the splitting, at most, on each.
        entropic: cells an axis of the entropic transport.

    Raises:
        UserError: no run is of a game in the plane.
    """
    found = {folder: restore(folder) for folder in runs}
    plane = {run.cell.cell: run for run in found.values() if run.game.d == 2 and run.seed == 0}
    if not plane:
        raise UserError("the study mesh compares with a run of a game in the plane: give it a cell with d = 2")
    parts = []
    for run in plane.values():
        same = {folder: other for folder, other in found.items() if other.cell.game.name == run.cell.game.name}
        parts.append(one_game(run, same, [refined(run.game, size, iterations) for size in sizes], entropic))
    arrays = {name: array for part in parts for name, array in part.arrays.items()}
    return StudyResult([m for part in parts for m in part.measurements], arrays)


def one_game(
    plane: Solved, runs: dict[Path, Solved], solved: list[tuple[MeshSolution, float]], entropic: Sequence[int]
) -> StudyResult:
    """Return the measurements of one game's meshes and of its runs in every dimension; fields of the run `plane`."""
    name, arrays = plane.cell.cell, {}
    numbers = on_meshes(name, solved) | on_grids(name, plane.game, entropic)
    finest = solved[-1][0]
    limits = [numbers[cell, "limit"] for cell in (f"{name}-entropic", f"{name}-mesh") if (cell, "limit") in numbers]
    truth = Truth((*limits, finest.value)[0], finest)
    numbers[f"{name}-mesh", "mesh/own-error"] = own = own_error([one.value for one, _ in solved], limits)
    figures: dict[tuple[str, int], dict[str, float]] = {}
    for folder, run in runs.items():
        mine = figures[key_of(run)] = against(run, read_json(folder / "summary.json"), truth)
        if run.game.d == 2:
            differences, fields = compare(run.game, run.potential, truth.finest)
            mine |= differences if own <= RESOLVED else {}
            if run is plane:
                arrays = {f"{name}/mesh/{key}": array for key, array in fields.items()}
    arrays |= {f"{name}/samples/{key}": array for key, array in budgets(runs, figures, solved, truth.limit).items()}
    measurements = [Measurement(plane.cell.experiment, *key, [value], []) for key, value in numbers.items()]
    return StudyResult([*measurements, *gather(runs, lambda run: figures[key_of(run)]), *slope(runs, figures)], arrays)


def own_error(values: Sequence[float], limits: Sequence[float]) -> float:
    """Return how far (%) the finest mesh's cost is from the first of the limits, or from the mesh before if none."""
    finest, truth = values[-1], (*limits, *values[-2:-1], values[-1])[0]
    return 100 * abs(finest - truth) / abs(truth)


class Truth(NamedTuple):
    """What the networks are measured by: the limit of the cost and the finest solution."""

    limit: float
    finest: MeshSolution


def budgets(
    runs: dict[Path, Solved],
    figures: dict[tuple[str, int], dict[str, float]],
    solved: list[tuple[MeshSolution, float]],
    limit: float,
) -> dict[str, np.ndarray]:
    """Return what the runs' accuracy cost, in samples drawn, and what it costs a mesh of the plane, in cells.

    Dimension, samples and error (%) of each run; cells along an axis, time steps and error (%) of each mesh.
    """
    rows = [(run.game.d, drawn(run), figures[key_of(run)]["mesh/error"]) for run in runs.values()]
    meshes = [(s.grid.cells[0], len(s.potential), 100 * abs(s.value - limit) / limit) for s, _ in solved]
    named = {("d", "drawn", "error"): rows, ("cells", "steps", "mesh-error"): meshes}
    return {name: np.array(table)[:, i] for names, table in named.items() for i, name in enumerate(names)}


def drawn(run: Solved) -> int:
    """Return the number of samples that a training drew."""
    training = run.cell.training
    return sum(level.samples * level.iterations // training.every for level in training.levels)


def domain(game: Game) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return lower and upper corners of a rectangle around the densities of the plane, centred at the origin.

    Crowd motion needs ``|x_2| <= 5.5``: a shorter one changes its cost by more than 5e-6.
    """
    ends = (game.initial, game.target)
    reach = [rho.means.abs() + (DEVIATIONS * rho.deviations()).clamp_min(MARGIN) for rho in ends]
    one, two = (max(LEAST, float(far)) for far in torch.cat(reach)[:, :2].amax(0))
    return (-one, -two), (one, two)


def refined(game: Game, size: Sequence[int], iterations: int) -> tuple[MeshSolution, float]:
    """Return the solution on ``n_1 x n_2`` cells and as many time steps as the third number says, and its seconds."""
    n1, n2, steps = size
    started = perf_counter()
    problem = CrowdOnMesh(game, Grid(*domain(game), (n1, n2)), steps)
    solution = problem.solve(iterations, GAMMA, TOLERANCE)
    return solution, perf_counter() - started


def on_meshes(name: str, solved: list[tuple[MeshSolution, float]]) -> Part:
    """Return the quantities of the splitting on each mesh, the observed order and the limit."""
    found: Part = {}
    for solution, seconds in solved:
        cell = f"{name}-mesh-{'x'.join(str(n) for n in (*solution.grid.cells, len(solution.potential)))}"
        costs = {"L": solution.transport, "F": solution.running, "G": solution.terminal, "total": solution.value}
        found |= {(cell, f"cost/{part}"): value for part, value in costs.items()}
        found |= {(cell, "change"): solution.change, (cell, "seconds"): seconds}
    h = [solution.grid.h[0] for solution, _ in solved]
    found |= convergence(f"{name}-mesh", h, [solution.value for solution, _ in solved])
    order = observed_order(h, [solution.running for solution, _ in solved])
    return found | ({(f"{name}-mesh", "order/F"): order} if math.isfinite(order) else {})


def convergence(cell: str, h: Sequence[float], values: Sequence[float]) -> Part:
    """Return the observed order and the limit of a cost, or nothing if no order is observed."""
    order = observed_order(h, values)
    return {(cell, "order"): order, (cell, "limit"): richardson(h, values, order)} if math.isfinite(order) else {}


def observed_order(h: Sequence[float], values: Sequence[float]) -> float:
    """Return ``p`` of ``value = limit + c h^p`` through the last three of meshes that are refined by one factor.

    nan if there are fewer, the values do not move one way, or the factors differ.
    """
    if len(values) < 3 or not math.isclose(h[-3] / h[-2], h[-2] / h[-1], rel_tol=1e-6):
        return math.nan
    ratio = (values[-3] - values[-2]) / (values[-2] - values[-1]) if values[-2] != values[-1] else math.nan
    return math.log(ratio) / math.log(h[-2] / h[-1]) if ratio > 0 else math.nan


def richardson(h: Sequence[float], values: Sequence[float], order: float) -> float:
    """Return the limit of ``value = limit + c h^order`` through the last two meshes."""
    return values[-1] + (values[-1] - values[-2]) / ((h[-2] / h[-1]) ** order - 1)


def on_grids(name: str, game: Game, entropic: Sequence[int]) -> Part:
    """Return the quantities of the entropic transport, of a game without running cost."""
    found: Part = {}
    middles: list[float] = []
    for n in entropic if not game.interactions else ():
        started = perf_counter()
        plan = EntropicTransport(game, Grid(*domain(game), (n, n))).solve(EPSILONS)[-1]
        costs = {"cost/L": plan.transport, "cost/G": plan.divergence, "cost/total": plan.value, "bound": plan.bound}
        found |= {(f"{name}-entropic-{n}", key): value for key, value in costs.items()}
        found[f"{name}-entropic-{n}", "seconds"] = perf_counter() - started
        middles.append((plan.value + plan.bound) / 2)
    return found | convergence(f"{name}-entropic", [1 / n for n in entropic], middles)


def against(run: Solved, summary: dict[str, float], truth: Truth) -> dict[str, float]:
    """Return a run's cost and running cost against the mesh, with what coordinates beyond the plane add."""
    beyond, each = run.game.d - 2, coordinate(run.game)
    optimum = truth.limit + beyond * each.value
    found = {"mesh/error": 100 * (summary["cost/total"] - optimum) / optimum}
    if run.game.interactions:
        found["cost/running-shift"] = summary["cost/F"] - truth.finest.running
        found["exact/running-shift"] = beyond * each.running
    return found


def coordinate(game: Game) -> Costs:
    """Return what the last coordinate adds to the optimum: a Gaussian game with an entropy at most, for d > 2.

    The densities are products and the obstacle lies in the plane, so that the game is the plane's and one for each
    further coordinate.
    """
    (mean0, std0), (mean1, std1) = (
        (float(density.means[0, -1]), float(density.scale[0, -1])) for density in (game.initial, game.target)
    )
    entropy = game.alpha.running * entropy_weight(game)
    return LinearQuadratic(
        1, mean0, std0, mean1, std1, 0.0, 0.0, entropy, game.alpha.transport, game.alpha.terminal
    ).costs()


def key_of(run: Solved) -> tuple[str, int]:
    """Return cell and seed."""
    return run.cell.cell, run.seed


def slope(runs: dict[Path, Solved], costs: dict[tuple[str, int], dict[str, float]]) -> list[Measurement]:
    """Return the running cost's change with each coordinate beyond the plane, least squares over one seed's cells."""
    points: dict[int, list[tuple[int, float, str]]] = {}
    for folder, run in runs.items():
        if run.game.d > 2 and run.game.interactions:
            points.setdefault(run.seed, []).append((run.game.d, costs[key_of(run)]["cost/running-shift"], str(folder)))
    seeds = [seed for seed in points.values() if len({d for d, _, _ in seed}) > 1]
    if not seeds:
        return []
    fits = [float(np.polyfit([d for d, _, _ in seed], [shift for _, shift, _ in seed], 1)[0]) for seed in seeds]
    experiment = next(iter(runs.values())).cell.experiment
    folders = [folder for seed in seeds for _, _, folder in seed]
    return [Measurement(experiment, "beyond-the-plane", "cost/running-shift", fits, folders)]
