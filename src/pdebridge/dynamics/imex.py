"""Reaction by a layer, diffusion by a learnt depth-wise operator (IMEXnet; Haber et al., ICML 2019)."""

from typing import Any

import torch
from torch import Tensor

from pdebridge.dynamics.base import Increments, Instant, Structure, Theta
from pdebridge.dynamics.parabolic import Parabolic


class ReactionDiffusion(Parabolic):
    """``u' = f(u) - L^T L u`` with ``f(u) = K^T sigma(N(K u))`` and a periodic 3-tap stencil ``L`` a channel.

    The linear part ``-L^T L`` has the eigenvalues ``-|L_hat|^2``. Its resolvent ``(I + h L^T L)^{-1}`` couples all
    pixels in one step and is a contraction for every ``h``. The stencils of ``K`` and ``L`` are projected to zero mean,
    so that diffusion keeps the sum over the pixels, and ``f`` has a plus sign, as in the public code.

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
        self.taps = tuple(range(2 - len(self.operator.shape), 0))

    def initial(self) -> dict[str, Tensor]:
        """Draw ``K``, the affine weights and ``L ~ N(0, 3^-d)``, for which the mean of ``|L_hat|^2`` is about 1."""
        shape = self.operator.shape[1:]
        return super().initial() | {"L": 3 ** (-len(self.taps) / 2) * torch.randn(shape)}

    def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
        """Return ``f(u)``."""
        K, *affine = theta[:-1]
        return -super().forward(u, (self.zero_mean(K), *affine), at)

    def zero_mean(self, stencils: Tensor) -> Tensor:
        """Return the stencils less their mean over the taps."""
        return stencils - stencils.mean(self.taps, keepdim=True)

    def symbol(self, u: Tensor, theta: Theta) -> Tensor:
        """Return ``-|L_hat|^2`` for every channel."""
        pixels = u.shape[2:]
        if min(pixels) < 3:
            raise ValueError(f"a stencil of 3 taps needs at least 3 pixels in each direction, not {tuple(pixels)}")
        return -torch.fft.rfftn(self.zero_mean(theta[-1]), s=pixels).abs().square()

    def increments(self, theta: Theta, pixels: tuple[int, ...] = (), part: int = 0) -> Increments | None:
        """Return ``l`` for both bounds of the reaction, which has the sign of growth; ``-L^T L`` is dissipative."""
        K, *affine, L = theta
        if part:  # |L_hat| is at most the sum of the taps' moduli
            rate = float(self.zero_mean(L).abs().sum(self.taps).max()) ** 2
            return Increments(rate, 0.0, True)
        bounds = super().increments((self.zero_mean(K), *affine), pixels)
        return bounds and Increments(bounds.lipschitz, bounds.lipschitz)

    def spectrum(self, theta: Theta, pixels: tuple[int, ...] = ()) -> None:
        """Return ``None``: the reaction has the sign of growth."""
