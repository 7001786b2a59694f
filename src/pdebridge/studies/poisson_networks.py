"""Poisson's equation in high dimension: the residual against the energy, with one network, optimiser and sampling."""

import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import product
from pathlib import Path
from time import process_time
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor

from pdebridge.allocator import keep_freed_memory
from pdebridge.meshes.collocation import TanhNetwork, residual
from pdebridge.meshes.deep_ritz import best_fit_errors, boundary_misfit, energy, interior, relative_error, values
from pdebridge.meshes.poisson import Problem, cosines, harmonic
from pdebridge.studies.result import Measurement, StudyResult

PROBLEMS = {"harmonic": harmonic, "cosines": cosines}
DIMENSIONS = (2, 3, 5, 10, 20)
PENALTIES = {
    ("harmonic", "pinn"): 1e3,
    ("harmonic", "ritz"): 1e2,
    ("cosines", "pinn"): 1e3,
    ("cosines", "ritz"): 1.0,
}  # chosen by the authors for d = 5 on points of their own
POINTS, LEARNING_RATE = 1024, 1e-3
TESTING = (50_000, 20_000)  # points of the cube and of its boundary
COST_DIMENSIONS = (2, 3, 5, 10, 20, 50, 100)
ROUNDS, REPEATS, WARM = 7, 10, 5


class Posed(NamedTuple):
    """A problem in one dimension, the method, and its weight of the boundary."""

    problem: Problem
    d: int
    method: str
    penalty: float

    def objective(self, network: TanhNetwork, generator: Generator) -> Tensor:
        """Return the objective over fresh points."""
        x, y = interior(POINTS, self.d, generator), faces(POINTS, self.d, generator)
        source = values(self.problem.source, x)
        misfit = boundary_misfit(network, y, values(self.problem.solution, y))
        return METHODS[self.method](network, x, source) + self.weight * misfit

    @property
    def weight(self) -> float:
        """Return the factor of the mean misfit: the energy integrates over the boundary, whose area is 2d."""
        return self.penalty * (2 * self.d if self.method == "ritz" else 1)


def poisson_networks(
    runs: list[Path],
    problems: Iterable[str] = tuple(PROBLEMS),
    dimensions: Iterable[int] = DIMENSIONS,
    methods: Iterable[str] = ("pinn", "ritz"),
    steps: int = 4000,
    seeds: Sequence[int] = (0, 1, 2),
    costs: Iterable[int] = COST_DIMENSIONS,
) -> StudyResult:
    """Train a tanh network on each problem by the residual and by the energy, as published, and measure what it costs.

    Cells ``harmonic-d10-pinn``, ``cosines-d5-ritz``: ``error/relative-l2``, ``error/relative-h1`` (of the gradient) and
    ``error/boundary`` (%), one value a seed, on 50,000 points of the cube and 20,000 of its boundary; ``error/affine``
    (%), that of the best affine function. Cells ``cost-ritz-d100``, ``cost-pinn-nested-d100``: ``time/iteration``, CPU
    seconds of a step, one value a round, and in ``cost-ritz`` its ``time/slope`` against the dimension.

    Points and first weights are those of the authors' generators and seeds.

    Args:
        runs: not used; the study stands for itself.
        problems: names.
        dimensions: in which networks are trained.
        methods: ``pinn`` and ``ritz``.
        steps: of Adam; the rate falls by ten after 50 and 75 %.
        seeds: of weights and points.
        costs: dimensions in which a step is timed; none if empty.
    """
    keep_freed_memory()
    found = {
        f"{name}-d{d}-{method}": figures(Posed(PROBLEMS[name](d), d, method, PENALTIES[name, method]), steps, seeds)
        for name, d, method in product(problems, dimensions, methods)
    }
    found |= cost_figures(tuple(costs))
    return StudyResult([Measurement("poisson-networks", c, *part, []) for c in found for part in found[c].items()])


def figures(posed: Posed, steps: int, seeds: Sequence[int]) -> dict[str, list[float]]:
    """Return the quantities of one cell."""
    testing, edge = test_points(posed.d)
    each = [errors(posed, train(posed, steps, seed), testing, edge) for seed in seeds]
    affine = best_fit_errors(testing, values(posed.problem.solution, testing))["affine"]
    return {name: [one[name] for one in each] for name in each[0]} | {"error/affine": [100 * affine]}


def train(posed: Posed, steps: int, seed: int) -> TanhNetwork:
    """Return a trained network."""
    torch.manual_seed(seed)
    generator = Generator().manual_seed(1000 + seed)
    network = TanhNetwork(posed.d)
    adam = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.MultiStepLR(adam, [steps // 2, 3 * steps // 4], gamma=0.1)
    for _ in range(steps):
        step(posed, network, adam, generator)
        schedule.step()
    return network


def step(posed: Posed, network: TanhNetwork, adam: torch.optim.Optimizer, generator: Generator) -> None:
    """Draw points and take one step."""
    adam.zero_grad()
    posed.objective(network, generator).backward()
    adam.step()


def errors(posed: Posed, network: TanhNetwork, testing: Tensor, edge: Tensor) -> dict[str, float]:
    """Return the relative errors in per cent, and tell them."""
    u, gradient = posed.problem.solution, posed.problem.gradient
    assert gradient is not None
    with torch.no_grad():
        exact = values(gradient, testing)
        slope = (network.value_and_gradient(testing)[1] - exact).norm() / exact.norm()
    found = {
        "error/relative-l2": 100 * relative_error(network, testing, values(u, testing)),
        "error/relative-h1": 100 * float(slope),
        "error/boundary": 100 * relative_error(network, edge, values(u, edge)),
    }
    print(f"{posed.method}, d = {posed.d}: {found['error/relative-l2']:.3g} %", file=sys.stderr, flush=True)
    return found


def faces(n: int, d: int, generator: Generator) -> Tensor:
    """Draw ``n`` points of the boundary, each on a face of its own choice."""
    x = torch.rand(n, d, generator=generator)
    face = torch.randint(0, d, (n,), generator=generator)
    x[torch.arange(n), face] = torch.randint(0, 2, (n,), generator=generator).to(x.dtype)
    return x


def test_points(d: int) -> tuple[Tensor, Tensor]:
    """Return the points of the cube and of its boundary on which errors are measured, the same for every seed."""
    generator = Generator().manual_seed(10_000 + d)
    return interior(TESTING[0], d, generator), faces(TESTING[1], d, generator)


def nested(network: TanhNetwork, x: Tensor, source: Tensor) -> Tensor:
    """Return the mean squared residual with the Laplacian by d backward passes through the gradient."""
    x = x.requires_grad_()
    gradient = torch.autograd.grad(network(x).sum(), x, create_graph=True)[0]
    parts = [torch.autograd.grad(g.sum(), x, create_graph=True)[0][:, k] for k, g in enumerate(gradient.unbind(1))]
    return (torch.stack(parts).sum(0) + source).square().mean()


METHODS: dict[str, Callable[[TanhNetwork, Tensor, Tensor], Tensor]] = {
    "pinn": residual,
    "pinn-nested": nested,
    "ritz": energy,
}
"""By name: what is minimised in the interior."""


def cost_figures(dimensions: tuple[int, ...]) -> dict[str, dict[str, list[float]]]:
    """Return the CPU seconds of a step, one value a round, and their slope against the dimension.

    The methods take turns within a round, so that a change of the machine's load meets all alike.
    """
    spent = {d: round_times(d) for d in dimensions}
    found = {f"cost-{m}-d{d}": {"time/iteration": spent[d][m]} for d in dimensions for m in METHODS}
    if len(dimensions) > 1:
        for method in METHODS:
            rounds = np.array([spent[d][method] for d in dimensions])
            found[f"cost-{method}"] = {"time/slope": np.polyfit(dimensions, rounds, 1)[0].tolist()}
    return found


def round_times(d: int) -> dict[str, list[float]]:
    """Return the CPU seconds of a step of each method, one value a round."""
    spent: dict[str, list[float]] = {method: [] for method in METHODS}
    repeats = {method: repeated(Posed(cosines(d), d, method, 10.0)) for method in METHODS}
    for take in repeats.values():
        take(WARM)
    for _ in range(ROUNDS):
        for method, take in repeats.items():
            spent[method].append(take(REPEATS) / REPEATS)
    return spent


def repeated(posed: Posed) -> Callable[[int], float]:
    """Return what takes so many steps of a training and returns their CPU seconds."""
    torch.manual_seed(0)
    network, generator = TanhNetwork(posed.d), Generator().manual_seed(0)
    adam = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)

    def take(number: int) -> float:
        started = process_time()
        for _ in range(number):
            step(posed, network, adam, generator)
        return process_time() - started

    return take
