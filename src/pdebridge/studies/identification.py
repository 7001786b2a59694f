"""Coefficients that trained stencils have found, beside those of central differences and least squares."""

from pathlib import Path

import numpy as np
import torch

from pdebridge.dynamics.stencil import Stencil
from pdebridge.studies.gather import gather
from pdebridge.studies.result import StudyResult
from pdebridge.training.series import coefficient_error
from pdebridge.training.trajectories import Identified, by_differences, coefficients, restore, slug


def identification(runs: list[Path]) -> StudyResult:
    """Solve for the coefficients of every series whose equation is known, without a network.

    Quantities: ``baseline/u-xx`` and so on, coefficients by least squares of ``u_t``, a central difference in time, in
    the terms of the run's stencil, on the same noisy samples; ``baseline/error`` (%), the largest error, counted as
    ``coefficient/error`` of the training; ``baseline/ratio``, the baseline's error over the trained one.

    Arrays: ``error/learned`` and ``error/baseline`` (%), the largest over the seeds, of each of the ``error/cells``.

    Args:
        runs: run directories of series; others than stencils of one field are passed over.
    """
    found = {folder: run for folder in runs if coefficients((run := restore(folder)).net) and run.series.coefficients}
    rows: dict[str, list[tuple[float, float]]] = {}
    for run in found.values():
        rows.setdefault(run.cell.cell, []).append((learned_error(run), figures(run)["baseline/error"]))
    pairs = np.array([np.max(pair, 0) for pair in rows.values()]).reshape(-1, 2).T
    arrays = {"error/cells": np.array(list(rows)), "error/learned": pairs[0], "error/baseline": pairs[1]}
    return StudyResult(gather(found, figures), arrays)


def learned_error(run: Identified) -> float:
    """Return the largest error of a trained coefficient, in per cent."""
    return 100 * coefficient_error(coefficients(run.net), run.series.coefficients)


def figures(run: Identified) -> dict[str, float]:
    """Return the quantities of one run."""
    assert isinstance(run.net.dynamics, Stencil)
    solved = by_differences(torch.from_numpy(run.series.parts["train"]), run.series.interval, run.net.dynamics.double())
    error = 100 * coefficient_error(solved, run.series.coefficients)
    named = {f"baseline/{slug(name)}": value for name, value in solved.items()}
    return named | {"baseline/error": error, "baseline/ratio": error / learned_error(run)}
