"""The convolutional field of the neural ODE for images (Chen et al., NeurIPS 2018)."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from pdebridge.dynamics.base import Dynamics, Instant, Structure, Theta
from pdebridge.dynamics.draw import uniform
from pdebridge.dynamics.normalisation import GroupNorm


class TimeConvolution(Dynamics):
    """``u' = N(K_2 [t, relu(N(K_1 [t, relu(N(u))] + b_1))] + b_2)`` with group normalisations ``N``.

    ``u`` is ``(batch, width, rows, columns)``; time is one more channel, constant over the pixels, and the
    convolutions are padded with zeros. The field of torchdiffeq's MNIST example (odenet_mnist.py); the kernel of
    the time channel is a weight ``v`` of its own, so that no channels are joined.

    Args:
        width: channels.
        kernel: odd number of taps in each direction.
    """

    structure: Structure = "explicit"

    def __init__(self, width: int, kernel: int = 3) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"a convolution that keeps the number of pixels has an odd kernel, not {kernel}")
        self.width, self.kernel = width, kernel
        self.norms = nn.ModuleList([GroupNorm(width) for _ in range(3)])

    def initial(self) -> dict[str, Tensor]:
        """Draw kernels and biases from ``U(+- 1/sqrt(fan_in))``, torch's default; scales are 1, shifts 0."""
        taps = (self.kernel, self.kernel)
        deviation = 1 / math.sqrt(3 * (self.width + 1) * self.kernel**2)
        weights: dict[str, Tensor] = {}
        for i in (1, 2):
            weights[f"K{i}"] = uniform((self.width, self.width, *taps), deviation)
            weights[f"v{i}"] = uniform((self.width, 1, *taps), deviation)
            weights[f"b{i}"] = uniform((self.width,), deviation)
        for i, norm in enumerate(self.norms):
            weights |= {f"{name}_{i}": w for name, w in norm.initial().items()}  # type: ignore[operator]
        return weights

    def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
        """Return ``F(t, u)``."""
        first, second, (before, between, after) = theta[:3], theta[3:6], self.norms
        u = self.convolve(torch.relu(before(u, theta[6:8], at)), first, at.t)
        u = self.convolve(torch.relu(between(u, theta[8:10], at)), second, at.t)
        return after(u, theta[10:12], at)

    def convolve(self, u: Tensor, weights: Theta, t: float) -> Tensor:
        """Return ``K [t, u] + b``; what time adds is the same for all samples."""
        K, v, b = weights
        ones = torch.ones_like(u[:1, :1])
        clock = functional.conv2d(ones, v, padding=self.kernel // 2)
        return functional.conv2d(u, K, b, padding=self.kernel // 2) + t * clock
