"""A trained control in other numbers of steps than those of its training: order of convergence, and accuracy."""

import math
from pathlib import Path

import numpy as np
import torch

from pdebridge.gradients.stored import stored
from pdebridge.integrators.runge_kutta import RK4
from pdebridge.networks.flow import Flow
from pdebridge.studies.gather import gather
from pdebridge.studies.result import StudyResult
from pdebridge.training.restore import Run, restore

STEPS = (4, 8, 16, 32, 64, 128, 256)
FINEST = 1024  # steps of RK4 that stand for the exact solution
Figures = dict[str, float]


def rediscretisation(runs: list[Path]) -> StudyResult:
    """Integrate ``u' = F(t, u; theta(t))`` of every trained network in 4 to 256 steps, in float64.

    The features are those of the validation set. In fewer steps than a piecewise constant control has values a step
    takes their mean, which is another equation.

    The method's order shows once the steps resolve the features; before, the error may fall faster. An explanation
    that fits the sizes, though no experiment singles it out: a neuron that switches like ``tanh(s t)`` has poles at
    ``t = +- i pi / (2 s)``, which add an error of about ``exp(-pi^2 / (s h))`` to the powers of ``h``.

    - ``N-16/error``, and so on: ``|u_N - u(T)| / |u(T)|``, ``u(T)`` by RK4 in 1024 steps with the same control;
    - ``N-16/accuracy`` (%): of the classifier, which is given ``u_N``;
    - ``order``: ``p`` of ``error = c N^-p`` from ``N = 64`` to ``N = 256``;
    - ``trained/N``: the number of steps of the training.

    Arrays: ``steps``; per cell ``cell/error`` and ``cell/accuracy``, a row a seed and a column a number of steps,
    ``cell/order`` and ``cell/trained``.

    Args:
        runs: run directories of networks of one flow whose integrator has fixed steps.
    """
    found = {folder: restore(folder) for folder in runs}
    measurements = gather(found, figures)
    table = {(m.cell, m.quantity): m.values for m in measurements}
    arrays = {"steps": np.array(STEPS)}
    for cell in dict.fromkeys(m.cell for m in measurements):
        for name in ("error", "accuracy"):
            arrays[f"{cell}/{name}"] = np.array([table[cell, f"N-{n}/{name}"] for n in STEPS]).T
        arrays[f"{cell}/order"] = np.array(table[cell, "order"])
        arrays[f"{cell}/trained"] = np.array(table[cell, "trained/N"])
    return StudyResult(measurements, arrays)


@torch.no_grad()
def figures(run: Run) -> Figures:
    """Return the quantities of one run."""
    net, (y, c) = run.net.double(), run.data["val"]
    flow, u0 = net.flow, net.opening(y.double())
    time = flow.time
    exact = Flow(flow.dynamics, flow.control, RK4(), stored, FINEST, time)(u0)
    ends = {n: flow(u0, n / flow.steps) for n in STEPS}
    errors = {n: float((u - exact).norm() / exact.norm()) for n, u in ends.items()}
    right = {n: 100 * float((net.classify(u).argmax(1) == c).double().mean()) for n, u in ends.items()}
    result = {f"N-{n}/error": errors[n] for n in STEPS} | {f"N-{n}/accuracy": right[n] for n in STEPS}
    return result | {"order": math.log2(errors[64] / errors[256]) / 2, "trained/N": float(flow.steps)}
