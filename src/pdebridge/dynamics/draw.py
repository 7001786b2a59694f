"""The distributions from which published codes draw the entries of ``K``."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from pdebridge.cube import known


def normal(shape: tuple[int, ...], deviation: float) -> Tensor:
    """Draw from ``N(0, deviation^2)``."""
    return deviation * torch.randn(shape)


def truncated(shape: tuple[int, ...], deviation: float) -> Tensor:
    """Draw from ``N(0, deviation^2)`` conditioned on two deviations (Chang et al., AAAI 2018, code)."""
    return torch.nn.init.trunc_normal_(torch.empty(shape), std=deviation, a=-2 * deviation, b=2 * deviation)


def clipped(shape: tuple[int, ...], deviation: float) -> Tensor:
    """Draw from ``N(0, deviation^2)``; entries past two deviations are redrawn from ``N(0, 1)`` and clipped there.

    This is what the code of Ruthotto & Haber (JMIV 2020) does; it puts some weight on the two end points.
    """
    K = normal(shape, deviation)
    far = K.abs() > 2 * deviation
    return torch.where(far, torch.randn(shape), K).clamp(-2 * deviation, 2 * deviation)


def uniform(shape: tuple[int, ...], deviation: float) -> Tensor:
    """Draw from the uniform distribution on ``+- sqrt(3) deviation``; with ``1 / sqrt(3 fan_in)`` torch's default."""
    return math.sqrt(3.0) * deviation * (2 * torch.rand(shape) - 1)


DRAWS: dict[str, Callable[[tuple[int, ...], float], Tensor]] = {
    "normal": normal,
    "truncated": truncated,
    "clipped": clipped,
    "uniform": uniform,
}


def draw(name: str, shape: tuple[int, ...], deviation: float) -> Tensor:
    """Draw a tensor from the distribution of a name; raise ``ValueError`` if the name is unknown."""
    return known(name, DRAWS, "distribution")(shape, deviation)
