"""How good a computed mean field game is, with nothing but itself to compare with; and what it looks like."""

from collections.abc import Iterable, Iterator
from math import sqrt
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from pdebridge.files import read_json
from pdebridge.meanfield.certificate import ERRORS, Certificate, certify
from pdebridge.meanfield.characteristics import trajectory
from pdebridge.meanfield.crowds import Apart, marginal
from pdebridge.meanfield.games import Game
from pdebridge.meanfield.interactions import External, Interaction, Moving, QuadraticCost
from pdebridge.meanfield.residuals import hjb_quantiles
from pdebridge.meanfield.separable import alone
from pdebridge.studies.gather import gather
from pdebridge.studies.result import StudyResult
from pdebridge.training.games import Solved, restore

STEPS = 32
TIMES = (0.0, 0.25, 0.5, 0.75, 1.0)
RESOLUTION = 100  # pixels an axis
PATHS = 96
MARGIN = 1.0  # around the characteristics, in the pictures
SEED = 1618
PROOFS = {"none": 0.0, "estimated": 1.0, "proved": 2.0}
REPLICATES = 8


def games(runs: list[Path], samples: int = 128, starts: int = 8, iterations: int = 40) -> StudyResult:
    """Certify each run; pictures are of the first seed of each cell, numbers of every seed.

    - ``certificate/proof``: 2 if the bound is proved, 1 if it is estimated, 0 if there is none and neither are the
      next two (`pdebridge.meanfield.certificate`); what is no proof must not be called a lower bound.
    - ``certificate/bound`` of the optimum, and ``certificate/gap``: how much of the run's ``cost/total`` can still be
      saved at most. Two standard errors and the errors of discretisation are subtracted from the one and added to the
      other. ``certificate/error`` is the standard error of the gap. Cost and bound of an estimate share their samples,
      whose noise is a hundred times that of the gap, so that its bound is the cost less the gap.
    - ``hjb/on-50``, ``hjb/on-99``, ``hjb/off-50``, ``hjb/off-99``: quantiles of the residual of the Hamilton-Jacobi-
      Bellman equation on the characteristics and at distance 1 (standard deviation) from them.

    Args:
        runs: run directories of games.
        samples: of the certificate, in each of its replicates.
        starts: of its descent, for each sample.
        iterations: of its descent.
    """
    budget = {"samples": samples, "starts": starts, "iterations": iterations}
    found = {folder: restore(folder) for folder in runs}
    costs = {(run.cell.key, run.seed): read_json(at / "summary.json")["cost/total"] for at, run in found.items()}

    def figures(run: Solved) -> dict[str, float]:
        return certified(run, costs[run.cell.key, run.seed], run.cell.training.evaluation, budget)

    first = [run for run in found.values() if run.seed == 0]
    arrays = {f"{run.cell.cell}/{name}": array for run in first for name, array in picture(run).items()}
    return StudyResult(gather(found, figures), arrays)


def certified(run: Solved, cost: float, points: int, budget: dict[str, int]) -> dict[str, float]:
    """Return the figures of one run, whose cost is known from so many points."""
    generator = torch.Generator().manual_seed(SEED)
    certificate = certify(run.game, run.potential, STEPS, replicates=REPLICATES, seed=SEED, **budget)
    residual = hjb_quantiles(run.game, run.potential, STEPS, levels=(0.5, 0.99), generator=generator)
    noise = certificate.primal_error * sqrt(REPLICATES * budget["samples"] / points)
    return {
        **of_cost(certificate, cost, noise),
        **{
            f"hjb/{where}-{level}": value
            for where, values in residual.items()
            for level, value in zip((50, 99), values, strict=True)
        },
    }


def of_cost(certificate: Certificate, cost: float, noise: float) -> dict[str, float]:
    """Return what a certificate says of a cost with this standard error, from other samples than its own."""
    found = {"certificate/proof": PROOFS[certificate.proof]}
    if certificate.proof == "none":
        return found
    if certificate.proof == "proved":
        bound, gap = certificate.bound, cost - certificate.bound + ERRORS * noise
    else:
        bound, gap = cost - certificate.gap - ERRORS * noise, certificate.gap
    return found | {
        "certificate/bound": bound,
        "certificate/gap": gap,
        "certificate/error": certificate.standard_error,
    }


def of_each(run: Solved) -> list[Solved]:
    """Return the run as that of each of its crowds alone, whose potential moves it as before."""
    game, crowds = run.game, run.game.crowds
    if crowds == 1:
        return [run]
    ends = [(marginal(game.initial, i, crowds), marginal(game.target, i, crowds)) for i in range(crowds)]
    games = [Game(start, goal, (), game.alpha) for start, goal in ends]
    return [Solved(run.cell, run.seed, own, alone(run.potential, i, crowds)) for i, own in enumerate(games)]


@torch.no_grad()
def picture(run: Solved) -> dict[str, np.ndarray[Any, Any]]:
    """Return what is drawn in the plane of ``x_1`` and ``x_2``; densities, potential and residual for d = 2 alone."""
    parts = of_each(run)
    paths = torch.cat([paths_of(part) for part in parts], 1)
    arrays = {"paths": paths, "d": torch.tensor(parts[0].game.d)}
    if parts[0].game.d == 2:
        arrays |= plane(run, parts, paths)
    return {name: array.numpy() for name, array in arrays.items()}


def paths_of(run: Solved) -> Tensor:
    """Return the first two coordinates of the characteristics of some samples, ``(times, samples, 2)``."""
    x = run.game.initial.sample(PATHS, torch.Generator().manual_seed(SEED))
    return torch.stack([state.z[:, :2] for state in trajectory(run.game.free(), run.potential, x, STEPS)])


def plane(run: Solved, parts: list[Solved], paths: Tensor) -> dict[str, Tensor]:
    """Return fields on a square around the paths: ``rho`` at several times, ``Phi`` at both ends, the obstacle.

    An obstacle that moves is given at all times, one that does not once. Several crowds have a potential of their own
    each, and the densities ``crowds``; ``density`` is their sum, ``potential`` that of the first.
    """
    low, high = paths.amin((0, 1)), paths.amax((0, 1))
    reach = ((high - low).max() / 2 + MARGIN) * torch.linspace(-1, 1, RESOLUTION, dtype=paths.dtype)
    axes = (low + high)[:, None] / 2 + reach
    second, first = torch.meshgrid(axes[1], axes[0], indexing="ij")
    z = torch.stack([first.flatten(), second.flatten()], dim=1)
    obstacle = torch.stack([obstacle_at(run, z, t) for t in (TIMES if moves(run) else TIMES[:1])])
    each = torch.stack([torch.stack([log_density(part, z, t).exp() for t in TIMES]) for part in parts]).nan_to_num(0.0)
    fields = {
        "density": each.sum(0),
        "potential": torch.stack([parts[0].potential(z, t) for t in (0.0, 1.0)]),
        "obstacle": obstacle,
    }
    fields |= {"crowds": each} if len(parts) > 1 else {}
    grids = {
        name: field.nan_to_num(0.0).reshape(*field.shape[:-1], RESOLUTION, RESOLUTION) for name, field in fields.items()
    }
    return {"axes": axes, "times": torch.tensor(TIMES), **grids}


def external(run: Solved) -> Iterator[Interaction]:
    """Return the parts of the running cost, of several crowds those of the first in place of what each has."""
    for part in cast("Iterable[Interaction]", run.game.interactions):
        yield from cast("Iterable[Interaction]", part.parts[0]) if isinstance(part, Apart) else (part,)


def moves(run: Solved) -> bool:
    """Tell whether a part of the running cost moves."""
    return any(isinstance(part, Moving) for part in external(run))


def obstacle_at(run: Solved, z: Tensor, t: float) -> Tensor:
    """Return the external costs but for quadratic ones, which are places that are preferred."""
    found = torch.zeros(len(z), dtype=z.dtype)
    for part in external(run):
        still = part.part if isinstance(part, Moving) else part
        if isinstance(still, External) and not isinstance(still, QuadraticCost):
            found = found + (part.cost(z, t) if isinstance(part, Moving) else still.cost(z))
    return found


def log_density(run: Solved, z: Tensor, t: float) -> Tensor:
    """Return ``log rho(z, t)`` of the computed flow, by following the points back to time 0."""
    if t == 0:
        return run.game.initial.log_density(z)
    *_, start = trajectory(run.game.free(), run.potential, z, round(t * STEPS), interval=(t, 0.0))
    return run.game.initial.log_density(start.z) + start.log_determinant
