"""The distributions from which published codes draw the entries of ``K``, of shape ``(out, in, *taps)``."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from pdebridge.cube import known

Shape = tuple[int, ...]


def normal(shape: Shape, deviation: float | None = None) -> Tensor:
    """Draw from ``N(0, deviation^2)``; default ``1/sqrt(in)`` for matrices, as in `clipped` for convolutions."""
    usual = 1.0 / math.sqrt(shape[1]) if len(shape) == 2 else math.sqrt(2.0 / (shape[2] * shape[1]))
    return (deviation or usual) * torch.randn(shape)


def truncated(shape: Shape, deviation: float | None = None) -> Tensor:
    """Draw from a normal distribution conditioned on two deviations (Chang et al., AAAI 2018, code).

    Default deviation ``sqrt(2 / (taps * out))``.
    """
    s = deviation or math.sqrt(2.0 / (math.prod(shape[2:]) * shape[0]))
    return torch.nn.init.trunc_normal_(torch.empty(shape), std=s, a=-2 * s, b=2 * s)


def clipped(shape: Shape, deviation: float | None = None) -> Tensor:
    """Draw from ``N(0, deviation^2)``; entries past two deviations are redrawn from ``N(0, 1)`` and clipped there.

    This is what the code of Ruthotto & Haber (JMIV 2020) does; it puts some weight on the two end points. Default
    deviation ``sqrt(2 / (k * in))`` for ``k`` taps in one direction.
    """
    s = deviation or math.sqrt(2.0 / (math.prod(shape[2:3]) * shape[1]))
    K = normal(shape, s)
    return torch.where(K.abs() > 2 * s, torch.randn(shape), K).clamp(-2 * s, 2 * s)


def uniform(shape: Shape, deviation: float | None = None) -> Tensor:
    """Draw from the uniform distribution on ``+- sqrt(3) deviation``.

    Default deviation ``1 / sqrt(3 * in * taps)``, torch's own initial weights.
    """
    s = deviation or 1.0 / math.sqrt(3.0 * math.prod(shape[1:]))
    return math.sqrt(3.0) * s * (2 * torch.rand(shape) - 1)


DRAWS: dict[str, Callable[[Shape, float | None], Tensor]] = {
    "normal": normal,
    "truncated": truncated,
    "clipped": clipped,
    "uniform": uniform,
}


def draw(name: str, shape: Shape, deviation: float | None = None) -> Tensor:
    """Draw a tensor from the distribution of a name; raise ``ValueError`` if the name is unknown."""
    return known(name, DRAWS, "distribution")(shape, deviation)
