"""Reaction by a layer, diffusion by a learnt depth-wise operator (IMEXnet; Haber et al., ICML 2019)."""

from typing import Any

import torch
from torch import Tensor

from pdebridge.dynamics.base import Instant, Structure, Theta
from pdebridge.dynamics.parabolic import Parabolic


class ReactionDiffusion(Parabolic):
    """``u' = f(u) - L^T L u`` with ``f(u) = K^T sigma(N(K u))`` and a periodic 3-tap stencil ``L`` a channel.

    Part 0 is ``f``; part 1 is the resolvent ``(I + h L^T L)^{-1} u``, which the Fourier transform diagonalises:
    ``u_hat / (1 + h |L_hat|^2)``. The resolvent couples all pixels in one step and is a contraction for every ``h``.
    The stencils of ``K`` and ``L`` are projected to zero mean, so that diffusion keeps the sum over the pixels, and
    ``f`` has a plus sign, as in the public code.

    Args:
        width: number of channels.
        operator: ``conv1d``, ``conv2d`` or ``conv3d``.
        options: activation, normalisation, scale, distribution and steps, as in `Parabolic`.
    """

    structure: Structure = "implicit-explicit"

    def __init__(self, width: int, operator: str = "conv2d", **options: Any) -> None:
        if operator == "dense":
            raise ValueError("diffusion acts between pixels: the operator must be conv1d, conv2d or conv3d, not dense")
        super().__init__(width, operator, **options)
        self.axes = tuple(range(2, len(self.operator.shape)))
        self.taps = tuple(range(-len(self.axes), 0))

    def initial(self) -> dict[str, Tensor]:
        """Draw ``K``, the affine weights and ``L ~ N(0, 3^-d)``, for which the mean of ``|L_hat|^2`` is about 1."""
        shape = self.operator.shape[1:]
        return super().initial() | {"L": 3 ** (-len(self.axes) / 2) * torch.randn(shape)}

    def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
        """Return ``f(u)`` for part 0, ``(I + h L^T L)^{-1} u`` for part 1."""
        *weights, L = theta
        if part:
            return self.resolvent(u, L, at.h)
        K, *affine = weights
        return -super().forward(u, (self.zero_mean(K), *affine), at)

    def zero_mean(self, stencils: Tensor) -> Tensor:
        """Return the stencils less their mean over the taps."""
        return stencils - stencils.mean(self.taps, keepdim=True)

    def resolvent(self, u: Tensor, L: Tensor, h: float) -> Tensor:
        """Return ``(I + h L^T L)^{-1} u`` on a periodic grid of the size of ``u``."""
        pixels = u.shape[2:]
        if min(pixels) < 3:
            raise ValueError(f"a stencil of 3 taps needs at least 3 pixels in each direction, not {tuple(pixels)}")
        symbol = torch.fft.rfftn(self.zero_mean(L), s=pixels).abs().square()
        u_hat = torch.fft.rfftn(u, dim=self.axes)
        return torch.fft.irfftn(u_hat / (1 + h * symbol), s=pixels, dim=self.axes)

    def rate(self, theta: Theta, pixels: tuple[int, ...] = ()) -> None:
        """Return ``None``: the reaction has the sign of growth."""
