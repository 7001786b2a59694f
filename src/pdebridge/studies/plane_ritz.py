"""The deep Ritz method in the plane: a disc and a square, as Jia, Zhang and Zou (Peking University, 2018) trained."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor

from pdebridge.meshes.deep_ritz import RitzNetwork, boundary_misfit, energy
from pdebridge.studies.poisson_networks import faces
from pdebridge.studies.result import Measurement, StudyResult

SQUARE = {1: 50_000, 2: 20_000, 3: 20_000}
"""Steps by blocks: up to where the authors' notebooks keep the log of a training from its first weights."""
DISC_STEPS, ADAPTIVE_STEPS, SECOND_OPTIMISER = 400, 600, 270
GROWTH, GREATEST = 1.01, 500.0  # of the weight of the boundary, from 1
ARCS = 200


class Errors(NamedTuple):
    """How far a network is from the solution at grid points."""

    squared: float
    """``sum (u - exact)^2 / sum exact^2``: the "relative loss" of the report, the square of the relative L2 error."""
    mean: float
    """Mean of ``|u - exact|``."""

    def quantities(self) -> dict[str, float]:
        """Return the measurements: relative ones in per cent."""
        return {
            "error/squared-l2": 100 * self.squared,
            "error/relative-l2": 100 * self.squared**0.5,
            "error/mean-absolute": self.mean,
        }


def plane_ritz(
    runs: list[Path],
    seeds: Sequence[int] = range(5),
    square: dict[str, int] | None = None,
    disc: int = DISC_STEPS,
    adaptive: int = ADAPTIVE_STEPS,
) -> StudyResult:
    """Train ReLU networks of width 10, whose output is cut off at 0, on the energy with a growing boundary penalty.

    ``E |grad u|^2/2 - f u + beta E_boundary (u - g)^2``, ``beta = min(1.01^k, 500)`` in step k, on a grid of spacing
    0.1. The report prints ``max(a^3, 0)``, the notebooks that made its numbers apply the ReLU. Their difference
    quotients of step 1e-4 are the closed-form gradient here.

    - ``disc``: ``-Laplacian u = 1`` in the unit disc, ``u = 0`` on its edge, three blocks, 100 fixed points there.
    - ``disc-adaptive``: points of the edge in proportion to ``|u|`` there, anew for each step; the state with the least
      distance from the *exact* solution is kept, which no application could do.
    - ``square-1`` to ``square-3``: harmonic in the unit square with ``u = x y`` on its edge, so many blocks; weights
      N(0, 0.1^2) without biases, rate 1e-5 halved every 10,000 steps, 100 random points of the edge a step.

    Quantities: ``error/squared-l2`` (%), ``error/relative-l2`` (%), its root, and ``error/mean-absolute``. First
    weights whose network vanishes on the grid are drawn again: nothing could train them. ``dead`` (%) is the share of
    trainings that ended as the zero function.

    Args:
        runs: not used; the study stands for itself.
        seeds: of first weights and points.
        square: steps by number of blocks; the authors' if not given.
        disc: steps.
        adaptive: steps.
    """
    steps = SQUARE if square is None else {int(blocks): number for blocks, number in square.items()}
    cells: dict[str, Callable[[int], Errors]] = {
        "disc": lambda seed: train_disc(seed, disc),
        "disc-adaptive": lambda seed: train_adaptive(seed, adaptive),
        **{f"square-{b}": lambda seed, b=b: train_square(seed, b, steps[b]) for b in steps},  # type: ignore[misc]
    }
    found = {cell: [train(seed) for seed in seeds] for cell, train in cells.items()}
    rows = [
        Measurement("plane-ritz", cell, name, [errors.quantities()[name] for errors in each], [])
        for cell, each in found.items()
        for name in each[0].quantities()
    ]
    dead = {cell: 100 * sum(errors.squared == 1 for errors in each) / len(each) for cell, each in found.items()}
    return StudyResult([*rows, *(Measurement("plane-ritz", cell, "dead", [share], []) for cell, share in dead.items())])


def train_disc(seed: int, steps: int) -> Errors:
    """Return the errors after a training on the disc."""
    torch.manual_seed(seed)
    x, angles = disc_points(), torch.arange(100) / 100 * 2 * torch.pi
    edge, network = circle(angles), alive(lambda: RitzNetwork(2, 10, 3, "relu", positive=True), x)
    adam = torch.optim.Adam(network.parameters(), lr=0.01)
    for k in range(steps):
        adam.zero_grad()
        misfit = boundary_misfit(network, edge, torch.zeros(len(edge)))
        (energy(network, x, torch.ones(len(x))) + beta(k) * misfit).backward()
        adam.step()
    return errors(network, x, disc_solution(x))


def train_adaptive(seed: int, steps: int) -> Errors:
    """Return the least errors of a training on the disc with points of the edge where the network is far from zero.

    The energy is divided by the 400 points of the whole grid, its points in the disc are fewer.
    """
    torch.manual_seed(seed)
    x, network = disc_points(), alive(lambda: RitzNetwork(2, 10, 3, "relu", positive=True), disc_points())
    best = Errors(float("inf"), float("inf"))
    adam = torch.optim.Adam(network.parameters(), lr=0.01)
    for k in range(steps):
        if k == SECOND_OPTIMISER:
            adam = torch.optim.Adam(network.parameters(), lr=0.005)
        best = min(best, errors(network, x, disc_solution(x)), key=lambda e: e.mean)
        edge = circle(adaptive_angles(network))
        adam.zero_grad()
        penalty = beta(k) * network(edge).square().sum() / (1 + len(edge))
        (len(x) / 400 * energy(network, x, torch.ones(len(x))) + penalty).backward()
        adam.step()
    return best


def train_square(seed: int, blocks: int, steps: int) -> Errors:
    """Return the errors after a training on the square, on a grid that contains its edge."""
    torch.manual_seed(seed)
    generator = Generator().manual_seed(seed)
    x = grid(0, 10).float()
    network = alive(lambda: small_weights(blocks), x)
    adam = torch.optim.Adam(network.parameters(), lr=1e-5)
    schedule = torch.optim.lr_scheduler.MultiStepLR(adam, [10_000, 20_000, 30_000, 40_000], gamma=0.5)
    source = torch.zeros(len(x))
    for k in range(steps):
        edge = faces(100, 2, generator)
        adam.zero_grad()
        (energy(network, x, source) + beta(k) * boundary_misfit(network, edge, edge.prod(1))).backward()
        adam.step()
        schedule.step()
    closed = grid(0, 11).float()
    return errors(network, closed, closed.prod(1))


def small_weights(blocks: int) -> RitzNetwork:
    """Return a network with weights N(0, 0.1^2) and without biases at the start."""
    network = RitzNetwork(2, 10, blocks, "relu", positive=True)
    with torch.no_grad():
        for w in network.parameters():
            w.normal_(0, 0.1) if w.dim() > 1 else w.zero_()
    return network


def alive(draw: Callable[[], RitzNetwork], x: Tensor) -> RitzNetwork:
    """Draw networks until one does not vanish at all the points."""
    while True:
        network = draw()
        with torch.no_grad():
            if network(x).any():
                return network


def beta(k: int) -> float:
    """Return the weight of the boundary in step k: it grows while it is below its greatest value."""
    return min(GROWTH**k, GREATEST)


def grid(first: int, points: int) -> Tensor:
    """Return the square grid of spacing 0.1 from ``first``, ``(points^2, 2)``, in float64."""
    axis = torch.from_numpy(np.arange(first, first + 0.1 * points - 0.05, 0.1))
    return torch.cartesian_prod(axis, axis)


def disc_points() -> Tensor:
    """Return the points of the grid within the unit disc: 311, (0.6, 0.8) and its like fall inside by rounding."""
    x = grid(-1, 20)
    return x[x.square().sum(1) < 1].float()


def disc_solution(x: Tensor) -> Tensor:
    """Return ``(1 - |x|^2)/4``."""
    return (1 - x.square().sum(1)) / 4


def circle(angles: Tensor) -> Tensor:
    """Return points of the unit circle."""
    return torch.stack([angles.cos(), angles.sin()], dim=1)


def adaptive_angles(network: RitzNetwork) -> Tensor:
    """Return ``floor(100 |u|)`` angles of each arc, equally spaced from end to end, u taken at its middle.

    The arcs are the 199 between 200 angles from 0 to 2 pi, and one more all the way back.
    """
    ends = np.linspace(0, 2 * np.pi, ARCS)
    first, last = ends, np.roll(ends, -1)
    with torch.no_grad():
        u = network(circle(torch.from_numpy((first + last) / 2).float())).numpy()
    number = np.floor(100 * np.abs(u)).astype(int)
    place = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
    share = place / np.maximum(np.repeat(number, number) - 1, 1)
    return torch.from_numpy(np.repeat(first, number) + share * np.repeat(last - first, number)).float()


def errors(network: RitzNetwork, x: Tensor, exact: Tensor) -> Errors:
    """Return the errors at given points."""
    with torch.no_grad():
        difference = network(x) - exact
    return Errors(float(difference.square().sum() / exact.square().sum()), float(difference.abs().mean()))
