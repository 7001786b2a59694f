"""A full Figure 1 training through the project against a bare loop that takes the same steps."""

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch

from pdebridge.configuration.classification import ClassificationCell
from pdebridge.configuration.load import cells, read_experiment
from pdebridge.configuration.settings import Settings, Tracking
from pdebridge.training.classification import Classification, assemble
from pdebridge.training.fit import train_seed
from pdebridge.training.optimisers import optimiser
from pdebridge.training.progress import Progress
from pdebridge.training.restore import restore

REPEATS = 3
OFF = Tracking(mode="disabled")


def bare_loop(cell: ClassificationCell, seed: int) -> float:
    """Train with nothing but torch and return the final objective; same weights, data, steps and validation."""
    module = assemble(cell, seed)
    optimizer, _ = optimiser(cell.training, module.net, 1)
    x, c = module.data["train"]

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = module.objective(module.net(x), c)
        loss.backward()
        return loss

    for _ in range(cell.training.epochs):
        optimizer.step(closure)  # type: ignore[arg-type]
        with torch.no_grad():
            module.net(module.data["val"][0]).argmax(1).eq(module.data["val"][1]).sum()
    return final_objective(module)


def final_objective(module: Classification) -> float:
    """Return the objective of the trained weights: equal for two trainings that took the same steps."""
    x, c = module.data["train"]
    with torch.no_grad():
        return float(module.objective(module.net(x), c))


def measure() -> dict[str, Any]:
    """Return wall-time ratios of the project's training over the bare loop, median of alternating runs, one thread."""
    torch.set_num_threads(1)
    cell = next(c for c in cells(read_experiment("figure1"), Settings()) if c.cell == "T5")
    assert isinstance(cell, ClassificationCell)
    seconds: dict[str, list[float]] = {"project": [], "bare": []}
    losses: dict[str, float] = {}
    for seed in range(REPEATS):
        with tempfile.TemporaryDirectory() as folder:
            progress = Progress(cell.key, 1, 10 * cell.training.epochs)
            started = time.perf_counter()
            train_seed(cell, seed, Path(folder) / "seed", progress, OFF, [])
            seconds["project"].append(time.perf_counter() - started)
            run = restore(Path(folder) / "seed")
            losses["project"] = final_objective(Classification(run.net, cell.training, seed, run.data))
        started = time.perf_counter()
        losses["bare"] = bare_loop(cell, seed)
        seconds["bare"].append(time.perf_counter() - started)
    ratios = [a / b for a, b in zip(seconds["project"], seconds["bare"], strict=True)]
    return {
        "name": "training",
        "ratios": {"figure1: project / bare loop (at most 1.5)": median(ratios)},
        "raw": {"seconds": seconds, "objective of the last seed": losses, "threads": 1, "epochs": cell.training.epochs},
    }
