"""Why meshes cannot follow: what an error costs against the dimension, on a mesh and with a network."""

from collections.abc import Iterable, Mapping
from math import sqrt
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.stats.qmc import Sobol

from pdebridge.gradients.allocation import peak_bytes
from pdebridge.meshes.deep_ritz import Record, RitzNetwork, best_fit_errors, boundary, objective, train, values
from pdebridge.meshes.poisson import Problem, Solved, evaluate, harmonic, sines, solve, square
from pdebridge.studies.result import Measurement, StudyResult

PROBLEMS = {"harmonic": harmonic, "square": square}
SMALL = {"width": 10, "activation": "cubic", "steps": 2000, "lr": 0.01, "points": 250}
NETWORKS: tuple[dict[str, Any], ...] = (
    {"problem": "square", "d": 2, **SMALL, "edge": 250},
    {"problem": "square", "d": 10, **SMALL, "edge": 400},
    {
        **{"problem": "square", "d": 100, "width": 100, "activation": "logcosh", "steps": 500, "lr": 0.003},
        **{"points": 200, "edge": 400, "beta": 1000.0, "fitted": True},
    },
)
METHODS = ("direct", "multigrid")
DIMENSIONS = (1, 2, 3, 4, 6, 8, 10)
CELLS = (4, 6, 10, 16, 32, 64, 128, 256, 512)  # an axis
SAFETY = 1.5
POINTS = 2**12  # of the cube, quasi-random, where functions are compared
AXIS = np.geomspace(2, 100, 200)  # dimensions of the curves
COSTS = ("unknowns", "bytes", "seconds")
LEAST = 1000  # unknowns of a solve that tells what one unknown costs


class Mesh(NamedTuple):
    """One system that was solved."""

    method: str
    d: int
    n: int
    solved: Solved
    error: float

    def cost(self, quantity: str) -> float:
        """Return unknowns, bytes or seconds."""
        return float(getattr(self.solved, quantity))


def dimension(
    runs: list[Path],
    megabytes: float = 70,
    seconds: float = 60.0,
    networks: Iterable[Mapping[str, Any]] = NETWORKS,
) -> StudyResult:
    """Solve Poisson's equation on meshes until a budget is full, and by deep Ritz networks in any dimension.

    Cells ``multigrid-d3-n16``, ``direct-d3-n16``: ``error/relative-l2`` (%) at the mesh's points for the product of
    sines, ``unknowns``, ``bytes`` held at once, ``seconds``. Before a system is solved its cost is predicted, and it is
    left out if the prediction exceeds the budget. Bytes hardly depend on the machine, seconds do: where the bytes are
    the tighter of the two, every machine solves the same systems.

    Cells ``ritz-square-d10``: the same of a network (unknowns are its weights), and ``error/constant``,
    ``error/affine`` (%) of the best constant and the best affine function: what is no achievement.

    Both are compared on the sum of squares. There the mesh is as good as its multilinear interpolant (finite
    differences are exact at its points), with the relative error of `between`. Cells ``square-multigrid-d3`` solve with
    the fewest cells that reach the network's error, interpolated between the networks' dimensions. Cell ``crossing``,
    ``crossing/bytes`` and ``crossing/seconds``: the dimension from which on the mesh costs more than the network for
    the same error; what lies beyond the budget is extrapolated with what one unknown costs.

    Args:
        runs: not used; the study stands for itself.
        megabytes: budget of one solve.
        seconds: budget of one solve.
        networks: ``problem``, ``d``, ``width``, ``activation``, ``steps`` and ``lr`` of each, and if they differ from
            the published ones ``points``, ``edge`` and ``beta`` of `pdebridge.meshes.deep_ritz.objective`; ``fitted``
            if the output layer first meets the boundary values.
    """
    budget = (1e6 * megabytes, seconds)
    meshes = [mesh for method in METHODS for mesh in sweep(method, budget)]
    found = {f"{m.method}-d{m.d}-n{m.n}": mesh_figures(m) for m in meshes}
    arrays = {f"sines/{name}": column for name, column in columns(meshes).items()}
    trained = [(spec, *network(**spec)) for spec in networks]
    for spec, figures, course in trained:
        name = f"ritz-{spec['problem']}-d{spec['d']}"
        found[name] = figures
        arrays[f"{name}/course"] = np.array(course)
    squares = {spec["d"]: figures for spec, figures, _ in trained if spec["problem"] == "square"}
    if len(squares) > 1:
        found |= versus(squares, meshes, budget, arrays)
    rows = [Measurement("dimension", cell, q, [float(v)], []) for cell, qs in found.items() for q, v in qs.items()]
    return StudyResult(rows, arrays)


def mesh_figures(mesh: Mesh) -> dict[str, float]:
    """Return the quantities of one solve."""
    return {"error/relative-l2": 100 * mesh.error, **{name: mesh.cost(name) for name in COSTS}}


def columns(meshes: list[Mesh]) -> dict[str, np.ndarray]:
    """Return method, d, n, error and costs as arrays, one entry a solve."""
    costs = {name: np.array([mesh.cost(name) for mesh in meshes]) for name in COSTS}
    named = {name: np.array([getattr(mesh, name) for mesh in meshes]) for name in ("method", "d", "n", "error")}
    return named | costs


def sweep(method: str, budget: tuple[float, float]) -> list[Mesh]:
    """Solve in every dimension on finer and finer meshes while the predicted cost fits the budget."""
    found = []
    for d in DIMENSIONS:
        last = None
        for n in CELLS:
            if exceeds(predicted(method, d, n, last), budget):
                break
            solved = solve(sines(d), d, n, method)  # type: ignore[arg-type]
            last = Mesh(method, d, n, solved, solved.relative_l2)
            found.append(last)
    return found


def exceeds(costs: tuple[float, float], budget: tuple[float, float]) -> bool:
    """Tell whether bytes or seconds are beyond the budget."""
    return any(cost > limit for cost, limit in zip(costs, budget, strict=True))


def predicted(method: str, d: int, n: int, last: Mesh | None) -> tuple[float, float]:
    """Return bytes and seconds that a solve will cost, on the high side.

    With ``N`` unknowns, multigrid holds and does ``O(d N)``; the factors of a direct solver have ``O(N^(2-2/d))``
    entries (``N log N`` in the plane) and take ``O(N^(3-3/d))`` operations (nested dissection; George, SIAM J. Numer.
    Anal. 10(2), 1973). Constants are those of the last, coarser mesh of the dimension, cautious ones for the first.
    """
    N, nonzeros = (n - 1) ** d, (2 * d + 1) * (n - 1) ** d
    growth = N / last.solved.unknowns if last else 1.0
    if method == "multigrid":
        dense = 8.0 * min(N, 500) ** 2  # the inverse on the coarsest mesh
        return 40.0 * nonzeros + dense, SAFETY * last.solved.seconds * growth if last else 2e-6 * nonzeros
    entries, operations = max(1.1, 2 - 2 / d), max(1.0, 3 - 3 / d)
    if last:
        return SAFETY * last.solved.bytes * growth**entries, SAFETY * last.solved.seconds * growth**operations
    return 40.0 * nonzeros + 200.0 * N**entries, 3e-9 * N**operations


def network(
    problem: str, d: int, width: int, activation: str, steps: int, lr: float, fitted: bool = False, **sampling: Any
) -> tuple[dict[str, float], list[Record]]:
    """Train one network; return its quantities and its course.

    Bytes are those that a step's forward and backward pass make, with the weights and their two moments. If `fitted`,
    the output layer starts nearest to the boundary values on 20 points of each face.
    """
    torch.manual_seed(0)
    net, posed = RitzNetwork(d, width, activation=activation), PROBLEMS[problem](d)
    if fitted:
        y = boundary(20, d)
        net.fit_output(y, values(posed.solution, y))
    x = torch.from_numpy(cube(d)).float()
    course = train(net, posed, steps, lr, x, **sampling)
    weights = sum(w.numel() for w in net.parameters())
    simple = best_fit_errors(x, values(posed.solution, x))
    figures = {
        "error/relative-l2": 100 * course[-1].error,
        "error/constant": 100 * simple["constant"],
        "error/affine": 100 * simple["affine"],
        "unknowns": weights,
        "bytes": peak_bytes(lambda: objective(net, posed, **sampling).backward()) + 3 * 4 * weights,
        "seconds": course[-1].seconds,
        "steps": steps,
    }
    return figures, course


def cube(d: int) -> np.ndarray:
    """Return the points of the cube at which functions are compared, ``(POINTS, d)``."""
    return np.asarray(Sobol(d, seed=0).random(POINTS))


def between(d: float, n: float) -> float:
    """Return the relative error of the multilinear interpolant of ``u = sum x_k^2`` on ``n^d`` cells.

    The error is ``h^2 sum s_k (1 - s_k)``, ``s`` uniform on the unit cube: in the mean square ``(d/6)^2 + d/180`` times
    ``h^4``, over ``(d/3)^2 + 4d/45``, the mean of ``u^2``.
    """
    return sqrt(((d / 6) ** 2 + d / 180) / ((d / 3) ** 2 + 4 * d / 45)) / n**2


def versus(
    squares: dict[int, dict[str, float]], meshes: list[Mesh], budget: tuple[float, float], arrays: dict[str, Any]
) -> dict[str, dict[str, float]]:
    """Compare on the sum of squares; fill `arrays` with the curves and return quantities by cell."""
    dims = sorted(squares)
    theirs = {
        name: np.exp(np.interp(np.log(AXIS), np.log(dims), np.log([squares[d][name] for d in dims])))
        for name in ("error/relative-l2", *COSTS)
    }
    cells = np.array([sqrt(between(d, 1) / (e / 100)) for d, e in zip(AXIS, theirs["error/relative-l2"], strict=True)])
    same = [solve_like(d, theirs["error/relative-l2"], meshes, budget) for d in DIMENSIONS if d > 1]
    measured = [mesh for mesh in same if mesh]
    mine = extrapolated(cells, [m for m in meshes if m.method == "multigrid"] + measured)
    arrays |= {"curve/d": AXIS, "curve/cells": cells, "network/d": np.array(dims)}
    arrays |= {f"curve/{name}": curve for name, curve in mine.items()}
    shown = (*theirs, "error/affine")
    arrays |= {f"network/{name}": np.array([squares[d][name] for d in dims]) for name in shown}
    arrays |= {f"square/{name}": column for name, column in columns(measured).items()}
    crossings = {name: crossing(mine[name], theirs[name]) for name in ("bytes", "seconds")}
    arrays |= {f"crossing/{name}": np.array(d) for name, d in crossings.items()}
    return {
        **{f"square-{m.method}-d{m.d}": {**mesh_figures(m), "cells": m.n} for m in measured},
        "crossing": {f"crossing/{name}": d for name, d in crossings.items() if np.isfinite(d)},
    }


def solve_like(d: int, errors: np.ndarray, meshes: list[Mesh], budget: tuple[float, float]) -> Mesh | None:
    """Solve with the fewest cells that reach the network's error in d dimensions, if that fits the budget."""
    error = float(np.exp(np.interp(np.log(d), np.log(AXIS), np.log(errors)))) / 100
    n = max(2, int(np.ceil(sqrt(between(d, 1) / error))))
    coarser = [m for m in meshes if m.method == "multigrid" and m.d == d and m.solved.unknowns > LEAST]
    if exceeds(predicted("multigrid", d, n, coarser[-1] if coarser else None), budget):
        return None
    problem = square(d)
    solved = solve(problem, d, n)
    return Mesh("multigrid", d, n, solved, function_error(problem, solved, d, n))


def function_error(problem: Problem, solved: Solved, d: int, n: int) -> float:
    """Return the relative error of the mesh's interpolant at random points of the cube."""
    x = cube(d)
    exact = problem.solution(x)
    return float(np.linalg.norm(evaluate(solved.values, problem.solution, n, x) - exact) / np.linalg.norm(exact))


def extrapolated(cells: np.ndarray, meshes: list[Mesh]) -> dict[str, np.ndarray]:
    """Return unknowns, bytes and seconds of ``cells^d`` cells along `AXIS`.

    What one unknown costs is a line in ``2d + 1``, the length of a row, fitted to the largest solve of each dimension.
    """
    largest = {m.d: m for m in sorted(meshes, key=lambda m: m.solved.unknowns) if m.solved.unknowns >= LEAST}
    rows = np.array([2 * d + 1 for d in largest])
    unknowns = np.maximum(cells - 1, 1) ** AXIS
    found = {"unknowns": unknowns}
    for name in ("bytes", "seconds"):
        price = np.array([m.cost(name) / m.solved.unknowns for m in largest.values()])
        found[name] = unknowns * np.polyval(np.polyfit(rows, price, 1), 2 * AXIS + 1)
    return found


def crossing(mesh: np.ndarray, network: np.ndarray) -> float:
    """Return the first dimension of `AXIS` from which on the mesh costs more; nan if there is none."""
    cheaper = np.flatnonzero(mesh <= network)
    if len(cheaper) == len(AXIS):
        return float("nan")
    return float(AXIS[cheaper[-1] + 1]) if len(cheaper) else float(AXIS[0])
