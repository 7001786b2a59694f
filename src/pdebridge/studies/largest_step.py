"""The largest step at which a template of one step still finds an equation: explicit against implicit."""

from pathlib import Path

import numpy as np
import torch

from pdebridge.cube import named
from pdebridge.datasets.series import Sampling, kuramoto_sivashinsky
from pdebridge.dynamics.control import Constant
from pdebridge.dynamics.stencil import Stencil
from pdebridge.gradients.stored import stored
from pdebridge.networks.flow import Flow
from pdebridge.optimisation.series import fit_few, pieces
from pdebridge.studies.attractor import rollout
from pdebridge.studies.result import Measurement, StudyResult
from pdebridge.training.series import coefficient_error
from pdebridge.training.trajectories import coefficients

FACTOR = 2**0.5
TEMPLATES = {"rk4": 5e-4, "crank-nicolson": 0.1, "ars-222": 0.1, "ars-443": 0.1, "etd-rk2": 0.1, "etd-rk4": 0.1}
"""Integrators, and the first step that is tried with each."""
TOLERANCE = 0.05  # largest relative error of a coefficient
STEPS = 300  # for which the trained flow must stay bounded
LARGE = 20.0


def largest_step(runs: list[Path], most: int = 12) -> StudyResult:
    """Train the template of one step an interval on samples that are further and further apart.

    Intervals grow by the square root of 2 from a first one until the coefficients of Kuramoto and Sivashinsky's
    equation are not all found to 5 %, or the trained flow does not stay bounded for 300 steps from the test's states.
    Quantities, each of a cell with the template's name: ``largest-step``, the last interval that trains, and
    ``largest-step/error`` (%) of the coefficients there. Arrays: ``largest-step/names`` and ``largest-step/h``.

    Args:
        runs: none; the study trains by itself.
        most: number of intervals that are tried with each template.
    """
    found = {name: largest(name, first, most) for name, first in TEMPLATES.items()}
    measured = [
        Measurement("identification", name, quantity, [value], [])
        for name, pair in found.items()
        for quantity, value in zip(("largest-step", "largest-step/error"), pair, strict=True)
    ]
    steps = np.array([h for h, _ in found.values()])
    return StudyResult(measured, {"largest-step/names": np.array(list(found)), "largest-step/h": steps})


def largest(name: str, first: float, most: int) -> tuple[float, float]:
    """Return the largest step of a template and the error there, in per cent; zero and infinity if none trains."""
    last = 0.0, float("inf")
    for h in first * FACTOR ** np.arange(most):
        error, bounded = trained(name, float(h))
        if error > TOLERANCE or not bounded:
            break
        last = float(h), 100 * error
    return last


def trained(name: str, h: float) -> tuple[float, bool]:
    """Return the largest error of a coefficient with one step of size ``h``, and whether the flow stays bounded."""
    series = kuramoto_sivashinsky(seed=0, sampling=Sampling(h, 20, 4, 1, 1))
    F = Stencil(1, series.length, orders=(2, 4), taps=9, implicit=name != "rk4").double()
    net = Flow(F, Constant(F).double(), named("integrator", name)(), stored, 1, h)
    times = h * torch.arange(20, dtype=torch.float64)
    fit_few(net, pieces(torch.from_numpy(series.parts["train"]), times, 1)[0], 12)
    v = rollout(net, torch.from_numpy(series.parts["test"][:, 0]), STEPS)
    bounded = bool(np.isfinite(v).all()) and float(np.abs(v).max()) < LARGE
    return coefficient_error(coefficients(net), series.coefficients), bounded
