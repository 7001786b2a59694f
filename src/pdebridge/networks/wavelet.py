"""The orthonormal Haar transform: pooling that loses nothing."""

import torch
from torch import Tensor, nn

ROOT = 0.5**0.5


class Haar(nn.Module):
    """One level of the Haar wavelet transform on ``d`` space dimensions, an orthogonal map.

    ``(batch, c, *pixels)`` becomes ``(batch, 2^d c, *pixels/2)``: along each axis the pairs ``(a, b)`` become ``(a +
    b)/sqrt(2)`` and ``(a - b)/sqrt(2)``. The bands of a channel stay together, so the halves of the channels stay
    halves. The inverse is the transpose.

    Args:
        dimension: ``d``, 1, 2 or 3.
        up: apply the inverse.
    """

    def __init__(self, dimension: int, up: bool = False) -> None:
        super().__init__()
        self.dimension, self.up = dimension, up

    def forward(self, u: Tensor) -> Tensor:
        """Return the transform, or its inverse if `up`."""
        return synthesis(u, self.dimension) if self.up else analysis(u, self.dimension)

    def inverse(self, u: Tensor) -> Tensor:
        """Undo the transform."""
        return analysis(u, self.dimension) if self.up else synthesis(u, self.dimension)


def analysis(u: Tensor, dimension: int) -> Tensor:
    """Return ``2^d`` bands a channel on half the grid."""
    if any(n % 2 for n in u.shape[2:]):
        raise ValueError(f"the Haar transform halves the grid: its sides must be even, not {tuple(u.shape[2:])}")
    for axis in range(2, 2 + dimension):
        a, b = u.unflatten(axis, (-1, 2)).unbind(axis + 1)
        u = torch.stack([a + b, a - b], dim=2).flatten(1, 2)
    return u * ROOT**dimension


def synthesis(u: Tensor, dimension: int) -> Tensor:
    """Return the features of which ``u`` is the `analysis`."""
    if u.shape[1] % 2**dimension:
        raise ValueError(f"the inverse Haar transform needs a multiple of {2**dimension} channels, not {u.shape[1]}")
    for axis in range(1 + dimension, 1, -1):
        low, high = u.unflatten(1, (-1, 2)).unbind(2)
        u = torch.stack([low + high, low - high], dim=axis + 1).flatten(axis, axis + 1)
    return u * ROOT**dimension
