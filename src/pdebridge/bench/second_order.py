"""Gauss-Newton with the classifier projected out against SGD: time to the least objective that SGD reaches."""

import time
from collections.abc import Callable
from itertools import product
from math import inf
from typing import Any, Literal, NamedTuple

import torch

from pdebridge.configuration.classification import ClassificationCell, Training
from pdebridge.configuration.load import cells, read_experiment
from pdebridge.configuration.optimisers import SGD, GaussNewton
from pdebridge.configuration.settings import Settings
from pdebridge.optimisation.problem import ControlMethod, Problem
from pdebridge.training.classification import Classification, assemble
from pdebridge.training.optimisers import optimiser

SCHEDULES: tuple[Literal["steps", "one-cycle"], ...] = ("steps", "one-cycle")  # without milestones: a constant rate


class Epoch(NamedTuple):
    """The objective of all training samples after an epoch, and the processor seconds of the training until then."""

    objective: float
    seconds: float


def measure(
    problems: tuple[str, ...] = ("swiss-roll", "peaks"),
    epochs: int = 300,
    rates: tuple[float, ...] = (0.01, 0.03),
    batches: tuple[int, ...] = (32, 128),
    iterations: int = 100,
) -> dict[str, Any]:
    """Return the time of Gauss-Newton to the objective of SGD's best epoch, relative to SGD's time to it.

    The ResNets of the experiments with seed 0 and the same initial weights; one thread, processor seconds. SGD has
    momentum 0.9, and of all rates, batch sizes and schedules (constant, one-cycle) the best counts, its search not.
    Objectives after an epoch are evaluated off the clock.

    Args:
        problems: experiments.
        epochs: of SGD.
        rates: of SGD.
        batches: of SGD.
        iterations: most of Gauss-Newton; where they do not suffice, the ratio is infinite.

    Returns:
        ``ratios``, ``raw`` with the best epoch of every setting and the iterations that it took, and ``name``.
    """
    torch.set_num_threads(1)
    ratios, raw = {}, {}
    for name in problems:
        (cell,) = (c for c in cells(read_experiment(name), Settings()) if c.cell == "resnet")
        assert isinstance(cell, ClassificationCell)
        bests = {
            f"rate {lr:g}, batch {size}, {schedule}": min(descent(cell, lr, size, schedule, epochs))
            for lr, size, schedule in product(rates, batches, SCHEDULES)
        }
        setting, sgd = min(bests.items(), key=lambda found: found[1].objective)
        course = newton(cell, iterations)
        reached = next((k for k, epoch in enumerate(course) if epoch.objective <= sgd.objective), None)
        seconds = inf if reached is None else course[reached].seconds
        ratios[f"time: Gauss-Newton / SGD, {name} (at most 0.2)"] = seconds / sgd.seconds
        raw[name] = {"SGD": bests, "best setting": setting, "Gauss-Newton": course[: (reached or 0) + 1]}
    return {"name": "second-order", "ratios": ratios, "raw": raw}


def descent(
    cell: ClassificationCell, lr: float, size: int, schedule: Literal["steps", "one-cycle"], epochs: int
) -> list[Epoch]:
    """Return the epochs of SGD."""
    keys = {"optimizer": SGD(name="sgd", lr=lr, schedule=schedule), "batch_size": size, "epochs": epochs}
    task = begun(cell, keys)
    batches, _ = task.loaders()
    method, scheduled = optimiser(task.training_spec, task.net, len(batches))
    rates = scheduled["scheduler"] if scheduled and scheduled["interval"] == "step" else None

    def epoch(k: int) -> None:
        batches.set_epoch(k)
        for x, c in batches:
            method.step(Problem(task.net, x, c, task.objective).closure)
            if rates:
                rates.step()

    return timed(task, epoch, epochs)


def newton(cell: ClassificationCell, iterations: int) -> list[Epoch]:
    """Return the iterations of Gauss-Newton."""
    task = begun(cell, {"optimizer": GaussNewton(name="gauss-newton", iterations=1)})
    method, _ = optimiser(task.training_spec, task.net, 1)
    assert isinstance(method, ControlMethod)
    x, c = task.data["train"]
    method.problem = Problem(task.net, x, c, task.objective)
    return timed(task, lambda _: method.step(method.problem.closure), iterations)


def begun(cell: ClassificationCell, keys: dict[str, Any]) -> Classification:
    """Return the task of a cell whose training has other keys, with its initial weights."""
    training: Training = cell.training.model_copy(update=keys)
    return assemble(cell.model_copy(update={"training": training}), 0)


def timed(task: Classification, epoch: Callable[[int], Any], epochs: int) -> list[Epoch]:
    """Run the epochs and return what each has reached and when."""
    course, seconds = [], 0.0
    x, c = task.data["train"]
    for k in range(epochs):
        started = time.process_time()
        epoch(k)
        seconds += time.process_time() - started
        with torch.no_grad():
            course.append(Epoch(float(task.objective(task.net(x), c)), seconds))
    return course
