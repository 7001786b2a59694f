"""How a trained network moves its inputs: features, decision regions, trajectories, and how far it is from its ODE."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.func import jacrev, vmap

from pdebridge.studies.gather import gather
from pdebridge.studies.result import StudyResult
from pdebridge.training.restore import Run, restore

RESOLUTION = 200  # pixels an axis of the decision regions
PATHS = 40  # trajectories a class
REFINEMENT = 32


def propagation(runs: list[Path]) -> StudyResult:
    """Propagate the validation set of each run; pictures are of the first seed of each cell, numbers of every seed.

    - ``net/accuracy`` (%): validation accuracy of the network.
    - ``ode/deviation`` (%): ``|u_N - u(T)| / |u(T)|`` over the validation set, ``u(T)`` from the same weights,
      piecewise constant in time, with the step ``h/32``; small where the network resolves its differential equation.
    - ``ode/accuracy`` (%): validation accuracy when the classifier is given ``u(T)`` in place of ``u_N``.
    - ``sensitivity``: largest singular value of ``du_N/du_0`` over the validation set.

    Args:
        runs: run directories of networks on two-dimensional inputs.
    """
    found = {folder: restore(folder) for folder in runs}
    first = [run for run in found.values() if run.seed == 0]
    arrays = {f"{run.cell.cell}/{name}": array for run in first for name, array in picture(run).items()}
    measurements = gather(found, deviation)
    arrays |= {f"numbers/{m.cell}/{m.quantity}": np.array(m.values) for m in measurements}
    return StudyResult(measurements, arrays)


def deviation(run: Run) -> dict[str, float]:
    """Return the figures of one run that tell whether the network still behaves like its differential equation."""
    y, c = run.data["val"]
    u0 = run.net.opening(y)
    u, exact = run.net.flow(u0), run.net.flow(u0, refinement=REFINEMENT)
    jacobians = vmap(jacrev(lambda v: run.net.flow(v.unsqueeze(0)).squeeze(0)))(u0)
    return {
        "net/accuracy": 100 * float((run.net.classify(u).argmax(1) == c).double().mean()),
        "ode/deviation": 100 * float((u - exact).norm() / exact.norm()),
        "ode/accuracy": 100 * float((run.net.classify(exact).argmax(1) == c).double().mean()),
        "sensitivity": float(torch.linalg.matrix_norm(jacobians, ord=2).max()),
    }


def picture(run: Run) -> dict[str, np.ndarray]:
    """Return what Figure 1 draws: data, features, trajectories, classifier, decision regions in the data space."""
    y, c = run.data["val"]
    states = torch.stack(run.net.trajectory(y))
    shown = torch.cat([torch.nonzero(c == k).flatten()[:PATHS] for k in range(run.classes)])
    axes, grid = decision_grid(y)
    arrays = {
        "y": y,
        "c": c,
        "features": states[-1],
        "paths": states[:, shown],
        "paths_c": c[shown],
        "time": torch.arange(len(states)) * run.net.flow.h,
        "weight": run.net.classifier.weight,
        "bias": run.net.classifier.bias,
        "axes": axes,
        "regions": run.net(grid).argmax(1).reshape(RESOLUTION, RESOLUTION),
    }
    return {name: array.numpy() for name, array in arrays.items()}


def decision_grid(y: Tensor) -> tuple[Tensor, Tensor]:
    """Return the coordinates of a square grid around the points ``y``, ``(2, n)``, and its points, ``(n^2, 2)``."""
    low, high = y.min(0).values, y.max(0).values
    reach = 0.55 * (high - low).max() * torch.linspace(-1, 1, RESOLUTION, dtype=y.dtype)
    axes = (low + high)[:, None] / 2 + reach
    second, first = torch.meshgrid(axes[1], axes[0], indexing="ij")
    return axes, torch.stack([first.flatten(), second.flatten()], dim=1)
