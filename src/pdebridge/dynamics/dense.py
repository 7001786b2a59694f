"""The ResNet layer as a differential equation (Ruthotto, SIAM News 2021; Haber & Ruthotto 2017, eq. 1.2)."""

import torch
from torch import Tensor

from pdebridge.dynamics.activation import activation_named
from pdebridge.dynamics.base import Dynamics, Instant, Structure, Theta
from pdebridge.dynamics.draw import draw
from pdebridge.dynamics.operator import operator_named


class Dense(Dynamics):
    """``u' = sigma(K(t) u + b(t))``, whose forward Euler steps are a ResNet.

    ``u`` is ``(batch, width)`` or an image ``(batch, width, ...)``, ``b`` is ``(width,)`` or a scalar.
    Stable for slowly varying ``K`` if ``max Re lambda(diag(sigma') K) <= 0`` (Haber & Ruthotto 2017, section 3).

    Args:
        width: number of features or channels.
        activation: name of ``sigma``.
        scale: standard deviation of the initial entries of ``K``; default that of the distribution.
        scalar_bias: one bias a layer, as in Haber & Ruthotto (2017), in place of one a feature.
        operator: ``dense``, ``conv1d``, ``conv2d`` or ``conv3d``.
        distribution: of the initial entries: ``normal``, ``truncated`` or ``clipped``.
    """

    structure: Structure = "explicit"

    def __init__(
        self,
        width: int,
        activation: str = "tanh",
        scale: float | None = None,
        scalar_bias: bool = False,
        operator: str = "dense",
        distribution: str = "normal",
    ) -> None:
        super().__init__()
        self.width, self.scalar_bias, self.distribution = width, scalar_bias, distribution
        self.operator, self.activation = operator_named(operator, width), activation_named(activation)
        self.scale = scale

    def initial(self) -> dict[str, Tensor]:
        """Draw ``K ~ N(0, scale^2)``, ``b = 0``."""
        return {
            "K": draw(self.distribution, self.operator.shape, self.scale),
            "b": torch.zeros(1 if self.scalar_bias else self.width),
        }

    def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
        """Return ``sigma(K u + b)``."""
        K, b = theta
        return self.activation(self.operator(K, u, b))
