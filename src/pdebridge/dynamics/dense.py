"""The dense ResNet layer as a differential equation (Ruthotto, SIAM News 2021; Haber & Ruthotto 2017, eq. 1.2)."""

import torch
from torch import Tensor

from pdebridge.dynamics.activation import ACTIVATIONS
from pdebridge.dynamics.base import Dynamics, Instant, Theta


class Dense(Dynamics):
    """``u' = sigma(K(t) u + b(t))``, whose forward Euler steps are a ResNet.

    ``u`` is ``(batch, width)``, ``K`` is ``(width, width)``, ``b`` is ``(width,)`` or a scalar.
    Stable for slowly varying ``K`` if ``max Re lambda(diag(sigma') K) <= 0`` (Haber & Ruthotto 2017, section 3).

    Args:
        width: number of features.
        activation: name of ``sigma``.
        scale: standard deviation of the initial entries of ``K``; default ``1/sqrt(width)``.
        scalar_bias: one bias a layer, as in Haber & Ruthotto (2017), in place of one a feature.
    """

    structure = "explicit"

    def __init__(
        self, width: int, activation: str = "tanh", scale: float | None = None, scalar_bias: bool = False
    ) -> None:
        super().__init__()
        self.width, self.scale, self.scalar_bias = width, scale or width**-0.5, scalar_bias
        self.activation = ACTIVATIONS[activation]

    def initial(self) -> dict[str, Tensor]:
        """Draw ``K ~ N(0, scale^2)``, ``b = 0``."""
        return {
            "K": self.scale * torch.randn(self.width, self.width),
            "b": torch.zeros(1 if self.scalar_bias else self.width),
        }

    def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
        """Return ``sigma(u K^T + b)`` for rows ``u``."""
        K, b = theta
        return self.activation(torch.addmm(b, u, K.t()))
