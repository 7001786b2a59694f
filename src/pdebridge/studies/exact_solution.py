"""How far trained potentials are from the exact solution of games that have one."""

from math import sqrt
from pathlib import Path

import torch

from pdebridge.meanfield.characteristics import characteristics
from pdebridge.meanfield.closed_forms import QuadraticSolution
from pdebridge.meanfield.evaluation import validate
from pdebridge.meanfield.exact import exact_solution as solution_of
from pdebridge.studies.gather import gather
from pdebridge.studies.result import StudyResult
from pdebridge.training.games import Solved, restore

POINTS, STEPS, TIMES = 4096, 32, 16
SEED = 2718


def exact_solution(runs: list[Path]) -> StudyResult:
    """Compare each run with the exact solution, on quasi-random points and with 32 Runge-Kutta steps.

    - ``exact/L``, ``exact/F``, ``exact/G``, ``exact/total``: the optimal weighted costs.
    - ``exact/mean``, ``exact/deviation``: mean and standard deviation of every coordinate of the optimal ``rho(1)``.
    - ``error/cost`` (%): ``(J - J*) / J*`` of the network.
    - ``error/velocity`` (%): ``|grad Phi - grad Phi*| / |grad Phi*|`` in L^2(rho*) over space and time.
    - ``error/mean``, ``error/deviation``: root mean square over the coordinates of ``rho(1)``.

    Args:
        runs: run directories of games with a known solution.
    """
    return StudyResult(gather({folder: restore(folder) for folder in runs}, errors))


def errors(run: Solved) -> dict[str, float]:
    """Return the figures of one run."""
    exact = solution_of(run.game)
    costs, (mean, deviation) = exact.costs(), exact.moments(1.0)
    x = run.game.initial.sobol(POINTS, SEED)
    z = characteristics(run.game, run.potential, x, STEPS).z.double()
    cost = float(validate(run.game, run.potential, STEPS, POINTS, SEED).cost)
    return {
        **dict(zip(("exact/L", "exact/F", "exact/G"), costs, strict=True)),
        "exact/total": costs.value,
        "exact/mean": mean,
        "exact/deviation": deviation,
        "error/cost": 100 * (cost - costs.value) / costs.value,
        "error/velocity": 100 * velocity_error(run, exact, x),
        "error/mean": float((z.mean(0) - mean).square().mean().sqrt()),
        "error/deviation": float((z.std(0) - deviation).square().mean().sqrt()),
    }


def velocity_error(run: Solved, exact: QuadraticSolution, x: torch.Tensor) -> float:
    """Return the relative error of the velocity along the exact characteristics from ``x``, trapezoidal in time."""
    wrong, size = [], []
    for t in torch.linspace(0, 1, TIMES + 1).tolist():
        z = exact.push_forward(x, t)
        truth = exact.derivatives(z, t).grad
        wrong.append((run.potential.prepare()(z, t).grad - truth).square().sum(1).mean())
        size.append(truth.square().sum(1).mean())
    return sqrt(float(torch.trapezoid(torch.stack(wrong)) / torch.trapezoid(torch.stack(size))))
