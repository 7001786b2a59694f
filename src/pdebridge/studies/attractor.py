"""How long learned flows follow the Kuramoto-Sivashinsky equation, and whether they stay on its attractor."""

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pdebridge.datasets.evolution import Grid, integrate, kuramoto_sivashinsky
from pdebridge.networks.flow import Flow
from pdebridge.studies.gather import gather
from pdebridge.studies.result import Measurement, StudyResult
from pdebridge.training.trajectories import Identified, restore

STEP = 0.05  # of ETDRK4, at most
LOST = 0.5  # relative error of a trajectory that is lost
MOST = 6000  # steps of a flow; one that needs more is passed over
SHIFT, PAUSE = 1e-7, 2.0  # size of a perturbation, and time after which it has that size again


def attractor(runs: list[Path], time: float = 250.0) -> StudyResult:
    """Continue every trained flow from the first states of the test trajectories, beside ETDRK4.

    Quantities: ``horizon``, the mean time, in Lyapunov times, until the error is half the size of ``u``, at most
    ``time``; ``energy/error`` (%), the distance of the mean energies ``|u_k|^2`` of all modes, relative to their sum;
    ``gradient/ratio``, of the means of ``u_x^2``; ``bounded``, 1 if it stays below ten times the size of ``u``. Of the
    equation, beside its first cell: ``lyapunov/exponent`` and ``truth/rms``.

    Arrays: ``horizon/time`` in Lyapunov times and ``horizon/cell``, the relative error of the first seed; ``energy/k``,
    ``energy/truth`` and ``energy/cell``; of the first cell's first trajectory ``space-time/truth``,
    ``space-time/learned`` and ``space-time/extent`` (time, length).

    Args:
        runs: run directories of series; those of other equations are passed over.
        time: of a trajectory.
    """
    every = {folder: restore(folder) for folder in runs}
    found = {folder: run for folder, run in every.items() if affordable(run, time)}
    if not found:
        return StudyResult([])
    first = next(iter(found.values()))
    exponent = lyapunov(first, time)
    arrays: dict[str, np.ndarray] = {}
    measured = gather(found, lambda run: followed(run, time, exponent, arrays))
    of_truth = {"lyapunov/exponent": exponent, "truth/rms": float(np.sqrt(np.mean(truth(first, time) ** 2)))}
    where = first.cell.experiment, first.cell.cell
    return StudyResult(measured + [Measurement(*where, name, [value], []) for name, value in of_truth.items()], arrays)


def affordable(run: Identified, time: float) -> bool:
    """Tell whether a run is one of this equation, and its flow needs not too many steps."""
    is_this = run.cell.series.name == "kuramoto-sivashinsky"
    return is_this and time / run.series.interval * run.net.steps <= MOST


def truth(run: Identified, time: float) -> Grid:
    """Return the trajectories from the first states of the test, ``(trajectories, times, points)``."""
    h = run.series.interval
    start = run.series.parts["test"][:, 0, 0]
    return integrate(kuramoto_sivashinsky(), start, run.series.length, h, round(time / h) + 1, math.ceil(h / STEP))


def lyapunov(run: Identified, time: float) -> float:
    """Return the largest Lyapunov exponent: the growth of small perturbations, which are shrunk again and again."""
    u = np.tile(run.series.parts["test"][:, 0, 0], (4, 1))
    u = u + 0.1 * np.random.default_rng(0).standard_normal(u.shape)  # other trajectories, soon on the attractor
    v, growth = u + SHIFT * np.random.default_rng(1).standard_normal(u.shape), []
    for _ in range(round(time / PAUSE)):
        both = integrate(kuramoto_sivashinsky(), np.concatenate([u, v]), run.series.length, PAUSE, 2, 40)[:, 1]
        u, v = np.split(both, 2)
        size = np.linalg.norm(v - u, axis=1, keepdims=True) / (SHIFT * math.sqrt(u.shape[1]))
        v = u + (v - u) / size
        growth.append(np.log(size).mean())
    return float(np.mean(growth[len(growth) // 4 :])) / PAUSE


def followed(run: Identified, time: float, exponent: float, arrays: dict[str, np.ndarray]) -> dict[str, float]:
    """Return the quantities of one run, and add to the arrays of its cell's first seed."""
    u, cell = truth(run, time), run.cell.cell
    v = rollout(run.net, torch.from_numpy(u[:, :1]), u.shape[1] - 1)
    size, h = np.sqrt(np.mean(u**2)), run.series.interval
    error = np.sqrt(np.mean((v - u) ** 2, axis=2)) / size
    lost = [h * (int(np.argmax(row > LOST)) if (row > LOST).any() else len(row) - 1) for row in error]
    bounded = bool(np.isfinite(v).all()) and float(np.abs(v).max()) < 10 * float(size)
    energies = energy(u), energy(v) if bounded else np.full(u.shape[2] // 2 + 1, np.nan)
    if run.seed == 0:
        arrays |= {f"horizon/{cell}": error[0], f"horizon/{cell}/time": h * exponent * np.arange(len(error[0]))}
        arrays.setdefault("energy/truth", energies[0])
        arrays[f"energy/{cell}"] = energies[1]
        arrays.setdefault("space-time/truth", u[0])
        arrays.setdefault("space-time/learned", v[0])
        arrays.setdefault("space-time/extent", np.array([time, run.series.length]))
    figures = {"horizon": exponent * float(np.mean(lost)), "bounded": float(bounded)}
    if bounded:
        figures["energy/error"] = 100 * float(np.abs(energies[1] - energies[0]).sum() / energies[0].sum())
        figures["gradient/ratio"] = steepness(v) / steepness(u)
    return figures


@torch.no_grad()
def rollout(net: Flow, u: Tensor, intervals: int) -> Grid:
    """Return the states after 0, 1, ... intervals, ``(batch, intervals + 1, points)``, from ``(batch, 1, points)``."""
    u = u.to(next(net.parameters()).dtype)
    states = [u]
    for _ in range(intervals):
        u = net(u)
        states.append(u)
    return torch.cat(states, 1).double().numpy()


def energy(u: Grid) -> Grid:
    """Return the mean ``|u_k|^2`` of every mode over trajectories and times."""
    found: Grid = np.mean(np.abs(np.fft.rfft(u)) ** 2, axis=(0, 1)) / u.shape[2] ** 2
    return found


def steepness(u: Grid) -> float:
    """Return the mean ``u_x^2`` for a period of 2 pi."""
    k = np.arange(u.shape[2] // 2 + 1)
    return float(2 * np.sum(k**2 * energy(u)))
