"""A game that a configuration spells out: densities from parameters or samples, an obstacle from a function."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pdebridge.cube import check_options, load
from pdebridge.meanfield.densities import GaussianMixture
from pdebridge.meanfield.games import Game
from pdebridge.meanfield.interactions import Entropy, ExternalCost, Interaction

Spec = dict[str, Any]
PARAMETRISED, ESTIMATED = ("means", "covariance", "weights"), ("samples", "bandwidth")


def own_game(d: int, initial: Spec, target: Spec, obstacle: str | None = None, entropy: float = 0.0) -> Game:
    """Return the game with ``F(rho) = int Q rho + entropy int rho log rho``.

    Args:
        d: dimension of the space.
        initial: ``rho_0``, see `density`.
        target: ``rho_1``, likewise.
        obstacle: ``Q`` as ``module:function``, from rows ``(N, d)`` to ``(N,)``, differentiable; none if empty.
        entropy: weight of the entropy, not negative.

    Raises:
        ValueError: what `density` refuses, or a negative weight.
    """
    if entropy < 0:
        raise ValueError(f"the weight of the entropy must not be negative, not {entropy:g}")
    parts: list[Interaction] = [ExternalCost(external_cost(obstacle))] if obstacle else []
    if entropy:
        parts.append(Entropy(entropy))
    return Game(density(d, initial, "initial"), density(d, target, "target"), parts)


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
