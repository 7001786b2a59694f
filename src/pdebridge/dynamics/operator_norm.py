"""Upper bounds of the norms of convolutions on grids of any size, from their symbol on the torus."""

import math

import torch
from torch import Tensor

FREQUENCIES = {1: 64, 2: 32, 3: 16}
"""Samples of the symbol in each direction, by dimension; the bound exceeds the norm on the torus by 0.1 to 6 %."""


def symbol_bound(K: Tensor) -> float:
    """Return an upper bound of ``||K||_2`` for a convolution with zero (or periodic) padding on any grid.

    With zero padding ``K`` is a compression of the convolution on the infinite grid, whose norm is ``sup_w
    ||K^(w)||_2`` over the torus (Sedghi, Gupta & Long, ICLR 2019, for periodic padding). ``Re x^* K^(w) y`` is, up to
    a phase, a trigonometric polynomial of degree ``m`` for ``2 m + 1`` taps, and such a one is at most ``1 / cos(pi m /
    M)`` times its largest modulus on ``M > 2 m`` equidistant points, in each direction (Ehlich & Zeller, 1964).

    Args:
        K: kernel ``(out, in, *taps)`` with an odd number of taps.
    """
    return float(torch.linalg.matrix_norm(symbols(K), 2).max()) * excess(K.shape[2:])


def symbols(K: Tensor, stacked: int = 0) -> Tensor:
    """Return ``K^(w)``, ``(*stack, frequencies, out, in)``, on the sampled half of the torus; a matrix is its own.

    Args:
        K: kernels ``(*stack, out, in, *taps)``, or matrices ``(*stack, out, in)``.
        stacked: number of axes of the stack.
    """
    taps = K.shape[stacked + 2 :]
    if not taps:
        return K.unsqueeze(stacked)
    axes = tuple(range(stacked + 2, K.ndim))
    sampled = torch.fft.rfftn(K, s=samples(taps), dim=axes).flatten(stacked + 2)
    return sampled.movedim(-1, stacked)


def samples(taps: tuple[int, ...]) -> list[int]:
    """Return the number of samples in each direction."""
    return [max(FREQUENCIES[len(taps)], 8 * (n // 2)) for n in taps]


def excess(taps: tuple[int, ...]) -> float:
    """Return by which factor the norm on the torus may exceed the largest sample; 1 for a matrix."""
    return 1 / math.prod(math.cos(math.pi * (n // 2) / M) for n, M in zip(taps, samples(taps), strict=True))
