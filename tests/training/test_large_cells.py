"""Every training that is too large for a laptop takes one real step on two images of the right shape."""

import numpy as np
import pytest
import torch

from pdebridge.configuration.classification import ClassificationCell, ClassificationExperiment
from pdebridge.configuration.load import carries, cells, experiment_files, read_experiment
from pdebridge.configuration.settings import Settings
from pdebridge.datasets.dataset import DataSet
from pdebridge.optimisation.problem import ControlMethod, Problem
from pdebridge.training import construct
from pdebridge.training.classification import assemble
from pdebridge.training.optimisers import optimiser

SHAPES = {
    "cifar10": ((3, 32, 32), 10),
    "cifar100": ((3, 32, 32), 100),
    "digits": ((1, 8, 8), 10),
    "mnist": ((1, 28, 28), 10),
    "salinas-a": ((204,), 6),
    "stl10": ((3, 96, 96), 10),
}


def large_cells() -> list[ClassificationCell]:
    experiments = [read_experiment(name) for name in experiment_files()]
    large = [e for e in experiments if isinstance(e, ClassificationExperiment) and not carries("laptop", e.scale)]
    return [cell for e in large for cell in cells(e, Settings(scale="cluster"))]


def two_images(name, **where) -> DataSet:
    shape, classes = SHAPES[name]
    x = np.random.default_rng(0).standard_normal((2, *shape)).astype(np.float32)
    c = np.array([0, classes - 1])
    return DataSet(x, c, x, c, x, c, classes)


@pytest.mark.parametrize("cell", large_cells(), ids=lambda cell: cell.key)
def test_a_step_is_finite_and_moves_every_weight(cell, monkeypatch):
    monkeypatch.setattr(construct, "make", two_images)
    task = assemble(cell, seed=0)
    before = [p.detach().clone() for p in task.parameters()]
    optimizer, _ = optimiser(cell.training, task.net, 10)
    (x, c) = next(iter(task.loaders()[0]))
    if isinstance(optimizer, ControlMethod):
        optimizer.problem = Problem(task.net, x, c, task.objective)

    def closure():
        optimizer.zero_grad()
        loss = task.objective(task.logits(x), c)
        loss.backward()
        return loss

    optimizer.step(closure)
    task.on_train_batch_end(None, (x, c), 0)
    for old, (name, new) in zip(before, task.named_parameters(), strict=True):
        assert torch.isfinite(new).all() and not torch.equal(old, new), name
