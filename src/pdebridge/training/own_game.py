"""A game that a configuration spells out: densities from parameters or samples, costs from numbers or a picture."""

import warnings
from collections.abc import Callable, Sequence
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pdebridge.cube import check_options, load
from pdebridge.meanfield.densities import GaussianMixture
from pdebridge.meanfield.games import Game
from pdebridge.meanfield.interactions import (
    Congestion,
    Entropy,
    External,
    ExternalCost,
    GaussianObstacle,
    Interaction,
    Moving,
    QuadraticCost,
)
from pdebridge.meanfield.picture import Picture

Spec = dict[str, Any]
PARAMETRISED, ESTIMATED = ("means", "covariance", "weights"), ("samples", "bandwidth")


def own_game(
    d: int,
    initial: Spec,
    target: Spec,
    obstacle: str | None = None,
    entropy: float = 0.0,
    obstacles: Sequence[Spec] = (),
    picture: Spec | None = None,
    congestion: Spec | None = None,
    attraction: Spec | None = None,
) -> Game:
    """Return the game whose running cost is the sum of the parts that are given.

    Args:
        d: dimension of the space.
        initial: ``rho_0``, see `density`.
        target: ``rho_1``, likewise.
        obstacle: ``Q`` as ``module:function``, from rows ``(N, d)`` to ``(N,)``, differentiable; none if empty.
        entropy: weight of the entropy, not negative.
        obstacles: parameters of `GaussianObstacle` each; with a ``velocity`` it is `Moving`.
        picture: walls of the plane, see `drawn`.
        congestion: parameters of `Congestion`.
        attraction: parameters of `QuadraticCost`, a preferred place; with a ``velocity`` it is `Moving`.

    Raises:
        ValueError: what `density` and the parts refuse, or a negative weight.
    """
    if entropy < 0:
        raise ValueError(f"the weight of the entropy must not be negative, not {entropy:g}")
    parts: list[Interaction] = [ExternalCost(external_cost(obstacle))] if obstacle else []
    parts += [external(GaussianObstacle, spec, f"obstacles[{k}]") for k, spec in enumerate(obstacles)]
    if picture is not None:
        parts.append(part(drawn, picture, "picture"))
    if attraction is not None:
        parts.append(external(QuadraticCost, attraction, "attraction"))
    if congestion is not None:
        parts.append(part(Congestion, congestion, "congestion"))
    if entropy:
        parts.append(Entropy(entropy))
    return Game(density(d, initial, "initial"), density(d, target, "target"), parts)


def external(make: Callable[..., External], spec: Spec, name: str) -> External:
    """Return a part that moves if it has a velocity."""
    fixed = {key: value for key, value in spec.items() if key != "velocity"}
    made: External = part(make, fixed, name, "velocity")
    return Moving(made, spec["velocity"]) if "velocity" in spec else made


def part(make: Callable[..., Any], spec: Spec, name: str, *others: str) -> Any:
    """Return what a function makes of the options of one key; what it does not know is refused by that key."""
    try:
        check_options(spec, [*signature(make).parameters, *others], name)
        return make(**spec)
    except (OSError, TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from error


def drawn(
    low: Sequence[float],
    high: Sequence[float],
    height: float,
    rows: Sequence[str] = (),
    file: str | None = None,
    blur: float | None = None,
) -> Picture:
    """Return the walls of a picture: a PNG `file`, white free and black wall, or `rows` of text, ``#`` wall.

    The other arguments are those of `Picture`.
    """
    if bool(rows) == bool(file):
        raise ValueError("a picture needs either `rows` of text or a `file`")
    return Picture(read_png(Path(file)) if file else read_rows(rows), low, high, height, blur)


def read_rows(rows: Sequence[str]) -> Tensor:
    """Return 1 for every ``#``, 0 for every other character, ``(rows, columns)``."""
    if len({len(row) for row in rows}) != 1:
        raise ValueError(f"rows of a picture must have one length, not {[len(row) for row in rows]}")
    return torch.tensor([[float(character == "#") for character in row] for row in rows])


def read_png(path: Path) -> Tensor:
    """Return the darkness of a PNG, 0 to 1; what is transparent is free."""
    from matplotlib.image import imread

    pixels = np.asarray(imread(path), dtype=float)
    grey = pixels if pixels.ndim == 2 else pixels[:, :, : min(3, pixels.shape[2])].mean(2)
    opaque = pixels[:, :, 3] if pixels.ndim == 3 and pixels.shape[2] == 4 else 1.0
    return torch.from_numpy((1 - grey) * opaque)


def external_cost(reference: str) -> Callable[[Tensor], Tensor]:
    """Return the function ``Q`` that ``module:function`` names, or raise ``ValueError``."""
    try:
        found: Callable[[Tensor], Tensor] = load(reference)
    except (AttributeError, ImportError, ValueError) as error:
        raise ValueError(f"obstacle: {reference!r} cannot be imported as module:function ({error})") from error
    return found


def density(d: int, spec: Spec, name: str) -> GaussianMixture:
    """Return a Gaussian mixture by ``means``, ``covariance``, ``weights``, or a kernel estimate.

    The estimate is made of ``samples``, a file ``.npy`` or ``.csv`` with a row of d numbers each, with a ``bandwidth``
    if Scott's does not fit. The parameters are those of `GaussianMixture` and its `from_samples`.

    Raises:
        ValueError: parameters are missing, unknown or out of range, the file cannot be read, or d differs; the message
            begins with `name`.
    """
    try:
        check_options(spec, ESTIMATED if "samples" in spec else PARAMETRISED, "a density")
        found = estimated(**spec) if "samples" in spec else parametrised(**spec)
        if found.d != d:
            raise ValueError(f"it lives in {found.d} dimensions, the game in d = {d}")
    except (OSError, TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from error
    return found


def parametrised(means: Any = None, covariance: Any = None, weights: Any = None) -> GaussianMixture:
    """Return a mixture; a density without parameters is refused."""
    if means is None or covariance is None:
        raise ValueError("a density needs `means` and `covariance`, or `samples`")
    return GaussianMixture(means, covariance, weights)


def estimated(samples: str, bandwidth: float | None = None) -> GaussianMixture:
    """Return the kernel estimate of the samples in a file."""
    path = Path(samples)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy's, of an empty file: it is refused below
            rows = np.load(path) if path.suffix == ".npy" else np.loadtxt(path, delimiter=",", ndmin=2)
        return GaussianMixture.from_samples(torch.from_numpy(rows), bandwidth)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
