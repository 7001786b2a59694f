"""The convolutional field of the neural ODE for images (Chen et al., NeurIPS 2018)."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from pdebridge.dynamics.activation import activation_named
from pdebridge.dynamics.base import Dynamics, Instant, Structure, Sums, Theta, Transpose
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
        norms = nn.ModuleList([GroupNorm(width) for _ in range(3)])
        self.norms: Sequence[GroupNorm] = norms  # type: ignore[assignment]

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
            weights |= {f"{name}_{i}": w for name, w in norm.initial().items()}
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
        clock = functional.conv2d(torch.ones_like(u[:1, :1]), v, padding=self.kernel // 2)
        return functional.conv2d(u, K, b, padding=self.kernel // 2) + t * clock

    @property
    def closed(self) -> bool:
        """Tell whether the normalisations have closed forms as well."""
        return super().closed and all(norm.closed for norm in self.norms)

    def closed_form(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> tuple[Tensor, Transpose]:
        """Return ``F(t, u)`` and its adjoint in closed form: back through the layers, whose inputs are kept."""
        (before, between, after), relu = self.norms, activation_named("relu")
        a, through_before = before.linearise(u, theta[6:8])
        y = a.relu_()
        b, through_between = between.linearise(self.convolve(y, theta[:3], at.t), theta[8:10])
        z = b.relu_()
        f, through_after = after.linearise(self.convolve(z, theta[3:6], at.t), theta[10:12])

        def transpose(g: Tensor, sums: Sums, scale: float) -> Tensor:
            g = through_after(g, sums[10:12], scale)
            g = relu.pull(self.pull(g, z, theta[3:6], sums[3:6], scale, at.t), z)
            g = through_between(g, sums[8:10], scale)
            g = relu.pull(self.pull(g, y, theta[:3], sums[:3], scale, at.t), y)
            return through_before(g, sums[6:8], scale)

        return f, transpose

    def pull(self, g: Tensor, u: Tensor, weights: Theta, sums: Sums, scale: float, t: float) -> Tensor:
        """Return ``K^T g`` and add ``scale`` times the cotangents of ``K``, ``v`` and ``b`` to `sums`."""
        K, v, _ = weights
        g_u, *pulled = self.adjoint(g, u, K, [True, sums[0] is not None, sums[2] is not None])
        if sums[1] is not None:
            of_pixels = g.sum(0, keepdim=True)
            pulled.append(self.adjoint(of_pixels, torch.ones_like(of_pixels[:, :1]), v, [False, True, False])[1])
        for total, g_w, weight in zip((sums[0], sums[2], sums[1]), pulled, (1.0, 1.0, t), strict=False):
            if total is not None:
                total.add_(g_w, alpha=scale * weight)
        return g_u

    def adjoint(self, g: Tensor, u: Tensor, K: Tensor, wanted: list[bool]) -> tuple[Tensor, ...]:
        """Return the cotangents of the image, the kernel and the bias for that of a convolution with ``K``."""
        pad = [self.kernel // 2] * 2
        one = [1, 1]
        pulled: tuple[Tensor, ...] = torch.ops.aten.convolution_backward(
            g, u, K, [len(K)], one, pad, one, False, [0, 0], 1, wanted
        )
        return pulled
