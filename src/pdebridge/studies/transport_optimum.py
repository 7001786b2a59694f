"""What the game of eight Gaussians can cost at best: entropic transport on three grids, extrapolated."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pdebridge.meanfield.games import optimal_transport
from pdebridge.meshes.grid import Grid
from pdebridge.meshes.transport import EntropicTransport, TransportPlan
from pdebridge.studies.mesh import domain
from pdebridge.studies.result import Measurement, StudyResult

EPSILONS = (1.0, 0.3, 0.1, 0.05, 0.03, 0.02, 0.01)


def transport_optimum(runs: list[Path], cells: Sequence[int] = (48, 72, 96), sweeps: int = 500) -> StudyResult:
    """Solve ``J* = min_rho W_2^2(rho_0, rho) + 5 KL(rho | rho_1)`` on grids of the plane; the same in every d.

    Cells ``n48``: ``cost/L``, ``cost/G``, ``cost/total`` of the entropic plan and the ``bound`` of the same grid
    without entropy, between which the grid's value lies. Cell ``limit``: ``cost/total`` of the middle of the two,
    ``cost/high`` and ``cost/low`` of either, ``cost/L`` and ``cost/G``, each the value at ``h = 0`` of the line in
    ``h^2`` by least squares, and ``residual``, the largest distance of a middle from its line.

    Args:
        runs: not used; the study stands for itself.
        cells: an axis.
        sweeps: at most, of each regularisation.
    """
    plans = {n: solve(n, sweeps) for n in cells}
    found = {
        (f"n{n}", name): value
        for n, plan in plans.items()
        for name, value in {**parts(plan), "bound": plan.bound}.items()
    }
    h = 1 / np.array(cells)
    middles = [(plan.value + plan.bound) / 2 for plan in plans.values()]
    columns = {
        "cost/total": middles,
        "cost/high": [plan.value for plan in plans.values()],
        "cost/low": [plan.bound for plan in plans.values()],
        "cost/L": [plan.transport for plan in plans.values()],
        "cost/G": [plan.divergence for plan in plans.values()],
    }
    lines = {name: np.polyfit(h**2, values, 1) for name, values in columns.items()}
    found |= {("limit", name): float(line[1]) for name, line in lines.items()}
    found["limit", "residual"] = float(np.abs(np.polyval(lines["cost/total"], h**2) - middles).max())
    return StudyResult([Measurement("transport-optimum", *key, [value], []) for key, value in found.items()])


def solve(n: int, sweeps: int) -> TransportPlan:
    """Return the plan of the smallest regularisation on ``n^2`` cells."""
    game = optimal_transport(2)
    return EntropicTransport(game, Grid(*domain(game), (n, n))).solve(EPSILONS, sweeps)[-1]


def parts(plan: TransportPlan) -> dict[str, float]:
    """Return the costs of a plan."""
    return {"cost/L": plan.transport, "cost/G": plan.divergence, "cost/total": plan.value}
