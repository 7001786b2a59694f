"""What a tolerance costs a trained neural ODE: Figure 3 of Chen et al. (NeurIPS 2018), panel by panel."""

import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor
from torch.nn.functional import cross_entropy

from pdebridge.configuration.classification import ClassificationCell
from pdebridge.gradients.frozen_steps import FrozenSteps
from pdebridge.gradients.mode import Mode
from pdebridge.gradients.reverse_time import ReverseTime
from pdebridge.integrators.dormand_prince import DormandPrince
from pdebridge.networks.evaluations import evaluations
from pdebridge.networks.flow import Flow
from pdebridge.networks.regularisation import flows
from pdebridge.studies.gather import gather
from pdebridge.studies.result import StudyResult
from pdebridge.studies.training_curves import training_curves
from pdebridge.training.restore import Run, restore

TOLERANCES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
REFERENCE = 1e-9
SAMPLES = 128
ROUNDS = 5  # of the timing, the shortest counts: a verdict rests on it
HALF, ALIKE = 0.6, 0.9  # what counts as "about half" at most, and as correlated at least
Figures = dict[str, float]


@dataclass(frozen=True)
class Swept:
    """A run, its figures at every tolerance, and the columns of its history."""

    run: Run
    sweep: dict[float, Figures]
    history: dict[str, np.ndarray]

    @property
    def cell(self) -> ClassificationCell:
        """Return the resolved configuration."""
        return self.run.cell

    def column(self, name: str) -> list[float]:
        """Return a quantity by tolerance."""
        return [figures[name] for figures in self.sweep.values()]


def nfe(runs: list[Path]) -> StudyResult:
    """Solve every trained network of an adaptive flow again at other tolerances, in float64, on test samples.

    Quantities, each with ``rtol-0.001/`` and so on before it:

    - ``logits/error``: relative error against the tolerance 1e-9; ``test/accuracy`` (%) of these samples;
    - ``nfe/forward``, ``nfe/rejected``, ``nfe/backward`` of the reverse-time adjoint; ``seconds`` of the forward pass;
    - ``gradient/error``: of the adjoint's derivative of the loss in all weights, relative to the exact one.

    Of the training itself: ``nfe/backward-per-forward`` in the last epoch, and ``nfe/growth``, the forward
    evaluations of the last epoch over those of the first.

    Whether the panels of the figure hold here, 1 or 0: ``figure3a/holds``, the error falls as the evaluations rise,
    with a rank correlation of at most -0.9; ``figure3b/holds``, the time rises with them, with a correlation of at
    least 0.9; ``figure3c/holds``, the backward passes of the training need some, but at most 0.6 of the forward
    evaluations; ``figure3d/holds``, these grow throughout: there are more in the last epoch than half way.

    Arrays: ``rtol``; per cell ``cell/sweep/quantity``, a row a seed and a column a tolerance; ``cell/holds`` of the
    panels, a row a seed; and the columns of the histories.

    Args:
        runs: run directories; networks of fixed steps are passed over.
    """
    found = {folder: swept(folder, run) for folder in runs if adaptive(run := restore(folder))}
    arrays = {"rtol": np.array(TOLERANCES)} | training_curves(list(found)).arrays
    for cell in dict.fromkeys(each.cell.cell for each in found.values()):
        mine = [each for each in found.values() if each.cell.cell == cell]
        for name in mine[0].sweep[TOLERANCES[0]]:
            arrays[f"{cell}/sweep/{name}"] = np.array([each.column(name) for each in mine])
        arrays[f"{cell}/holds"] = np.array([list(panels(each).values()) for each in mine])
    return StudyResult(gather(found, figures), arrays)


def adaptive(run: Run) -> list[Flow]:
    """Return the adaptive flows of a run's network."""
    return [flow for flow in flows(run.net) if flow.integrator.adaptive]


def swept(folder: Path, run: Run) -> Swept:
    """Solve a run's network at every tolerance."""
    net, (x, c) = run.net.double().requires_grad_(True), run.data["test"]
    x, c = x[:SAMPLES].double(), c[:SAMPLES]
    tighten(run, REFERENCE)
    with torch.no_grad():
        reference = net(x)
    history = {name.split("/", 1)[1]: row[0] for name, row in training_curves([folder]).arrays.items()}
    return Swept(run, {rtol: solved(run, rtol, x, c, reference) for rtol in TOLERANCES}, history)


def tighten(run: Run, rtol: float, mode: Mode | None = None) -> None:
    """Give every adaptive flow another tolerance, and another gradient if one is given."""
    for flow in adaptive(run):
        flow.integrator = DormandPrince(rtol)
        flow.gradient = mode or flow.gradient


def solved(run: Run, rtol: float, x: Tensor, c: Tensor, reference: Tensor) -> Figures:
    """Return the figures at one tolerance."""
    tighten(run, rtol)
    logits, seconds = timed(run, x)
    evaluations(adaptive(run))
    exact, _ = gradient(run, rtol, FrozenSteps(), x, c)
    adjoint, spent = gradient(run, rtol, ReverseTime(), x, c)
    return {
        "logits/error": float((logits - reference).norm() / reference.norm()),
        "test/accuracy": 100 * float((logits.argmax(1) == c).double().mean()),
        "seconds": seconds,
        "gradient/error": float((adjoint - exact).norm() / exact.norm()),
        **spent,
    }


@torch.no_grad()
def timed(run: Run, x: Tensor) -> tuple[Tensor, float]:
    """Return the logits and the CPU seconds of the fastest of a few passes."""
    seconds = []
    for _ in range(ROUNDS):
        started = time.thread_time()
        logits = run.net(x)
        seconds.append(time.thread_time() - started)
    return logits, min(seconds)


def gradient(run: Run, rtol: float, mode: Mode, x: Tensor, c: Tensor) -> tuple[Tensor, Figures]:
    """Return the derivative of the loss in all weights by one mode, and the evaluations that it took."""
    tighten(run, rtol, mode)
    run.net.zero_grad()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that the state is lost is part of the error
        cross_entropy(run.net(x), c).backward()
    return torch.cat([p.grad.flatten() for p in run.net.parameters()]), evaluations(adaptive(run))


def figures(each: Swept) -> Figures:
    """Return the quantities of one run."""
    flat = {f"rtol-{rtol:g}/{name}": value for rtol, row in each.sweep.items() for name, value in row.items()}
    holds = {f"figure3{panel}/holds": float(value) for panel, value in panels(each).items()}
    return flat | holds | {"nfe/backward-per-forward": backward_per_forward(each), "nfe/growth": growth(each)}


def backward_per_forward(each: Swept) -> float:
    """Return the ratio of evaluations in the last epoch of the training."""
    return float(each.history["nfe/backward"][-1] / each.history["nfe/forward"][-1])


def growth(each: Swept) -> float:
    """Return the forward evaluations of the last epoch over those of the first."""
    forward = each.history["nfe/forward"]
    return float(forward[-1] / forward[0])


def panels(each: Swept) -> dict[str, bool]:
    """Tell whether the panels of the published figure hold for a run."""
    forward, epochs = each.column("nfe/forward"), each.history["nfe/forward"]
    return {
        "a": bool(spearmanr(forward, each.column("logits/error")).statistic <= -ALIKE),
        "b": bool(np.corrcoef(forward, each.column("seconds"))[0, 1] >= ALIKE),
        "c": 0 < backward_per_forward(each) <= HALF,  # a taped gradient asks for none
        "d": bool(epochs[-1] > epochs[len(epochs) // 2]),
    }
