"""The plain feed-forward network of Higham & Higham (SIAM Review 2019) on ten points, trained by a sample a step."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from pdebridge.datasets.higham import higham
from pdebridge.studies.result import Measurement, StudyResult

Array = np.ndarray[Any, np.dtype[Any]]
Layers = list[tuple[Array, Array]]  # weights (seeds, after, before) and biases (seeds, after, 1) of every layer

WIDTHS = (2, 2, 3, 2)
POINTS = 200  # of the recorded cost
RESOLUTION = 200  # pixels an axis


def feed_forward(
    runs: list[Path], steps: int = 100_000, rate: float = 0.05, spread: float = 0.5, seeds: int = 3
) -> StudyResult:
    """Train the article's 2-2-3-2 network of sigmoids as its listing ``netbp.m`` does, all seeds at once in float64.

    Each step draws one of the ten points, with its target ``y = (1, 0)`` or ``(0, 1)``, and descends along the
    gradient of ``|y - a|^2 / 2`` (eqs. 5.3-5.9 of the article). The article's setting is ``steps`` = 1,000,000; its
    random numbers are MATLAB's, so its values cannot be repeated, only their course.

    - ``cost``: ``sum_i |y_i - a(x_i)|^2`` over the ten points at the end, and ``cost/start`` before the first step;
    - ``train/accuracy`` (%): points on their own side of the boundary, where both outputs are equal.

    Arrays: ``steps`` and ``cost`` (seeds, records); ``x``, ``c`` of the points; ``seed``, that of the
    least cost, and ``a``, its two outputs on a grid of the unit square, ``(2, rows, columns)``.

    Args:
        runs: not used; the study stands for itself.
        steps: of stochastic gradient descent.
        rate: its step size.
        spread: standard deviation of all initial weights and biases.
        seeds: trainings from different initial weights, on different draws.
    """
    data = higham()
    x, y = data.x_train[:, :, None], np.eye(2)[data.c_train][:, :, None]
    generators = [np.random.default_rng(seed) for seed in range(seeds)]
    layers = initial(generators, spread)
    chosen = np.stack([generator.integers(len(x), size=steps) for generator in generators])
    every = max(1, steps // POINTS)
    costs = [cost(layers, x, y)]
    for k in range(steps):
        layers = descend(layers, x[chosen[:, k]], y[chosen[:, k]], rate)
        if (k + 1) % every == 0:
            costs.append(cost(layers, x, y))
    outputs = propagate(layers, x[:, None])[-1][:, :, :, 0]
    accuracy = 100 * (outputs.argmax(-1) == data.c_train[:, None]).mean(0)
    values = {"cost": costs[-1], "cost/start": costs[0], "train/accuracy": accuracy}
    arrays = {"steps": every * np.arange(len(costs)), "cost": np.stack(costs, axis=1), "x": data.x_train}
    best = int(costs[-1].argmin())
    arrays |= {"c": data.c_train, "seed": np.array(best), "a": on_grid([(W[best], b[best]) for W, b in layers])}
    return StudyResult([Measurement("higham", "sgd", name, list(v), []) for name, v in values.items()], arrays)


def initial(generators: list[np.random.Generator], spread: float) -> Layers:
    """Return weights and biases drawn from ``N(0, spread^2)``, each seed's from its own generator."""
    shapes = [shape for before, after in pairwise(WIDTHS) for shape in ((after, before), (after, 1))]
    drawn = [np.stack([spread * g.standard_normal(shape) for g in generators]) for shape in shapes]
    return list(zip(drawn[::2], drawn[1::2], strict=True))


def propagate(layers: Layers, x: Array) -> list[Array]:
    """Return ``a_1 = x`` and ``a_{l+1} = sigma(W_l a_l + b_l)`` for columns ``x``, with the seeds in axis -3."""
    a = [x]
    for W, b in layers:
        a.append(1 / (1 + np.exp(-(W @ a[-1] + b))))
    return a


def descend(layers: Layers, x: Array, y: Array, rate: float) -> Layers:
    """Return the layers after one step: ``delta_L = a_L (1 - a_L) (a_L - y)``, back by ``a_l (1 - a_l) W^T delta``."""
    a = propagate(layers, x)
    delta = a[-1] * (1 - a[-1]) * (a[-1] - y)
    new: Layers = []
    for (W, b), before in zip(reversed(layers), reversed(a[:-1]), strict=True):
        new.append((W - rate * delta @ before.mT, b - rate * delta))
        delta = before * (1 - before) * (W.mT @ delta)
    return new[::-1]


def cost(layers: Layers, x: Array, y: Array) -> Array:
    """Return ``sum_i |y_i - a(x_i)|^2`` of every seed."""
    a = propagate(layers, x[:, None])[-1]
    return ((a - y[:, None]) ** 2).sum(axis=(0, 2, 3))


def on_grid(layers: Layers) -> Array:
    """Return both outputs of one seed's layers on the unit square."""
    axis = np.linspace(0, 1, RESOLUTION)
    grid = np.stack(np.meshgrid(axis, axis)).reshape(2, -1)
    return propagate(layers, grid)[-1].reshape(2, RESOLUTION, RESOLUTION)
