"""The ResNet layer as a differential equation (Ruthotto, SIAM News 2021; Haber & Ruthotto 2017, eq. 1.2)."""

import torch
from torch import Tensor

from pdebridge.dynamics.activation import activation_named
from pdebridge.dynamics.base import Dynamics, Increments, Instant, Structure, Sums, Theta, Transpose
from pdebridge.dynamics.draw import draw
from pdebridge.dynamics.operator import DenseOperator, operator_named


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

    @property
    def side_by_side(self) -> bool:
        """Tell that matrices are multiplied in batches, where the formula is this one."""
        return self.closed and type(self.operator) is DenseOperator

    def matrix(self, K: Tensor) -> Tensor:
        """Return the weight tensor that is applied."""
        return K

    def pull_matrix(self, g: Tensor) -> Tensor:
        """Return the cotangent of ``K`` for that of `matrix`."""
        return g

    def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
        """Return ``sigma(K u + b)``."""
        K, b = theta
        return self.activation(self.operator(self.matrix(K), u, b))

    def closed_form(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> tuple[Tensor, Transpose] | None:
        """Return ``F(t, u)`` and its adjoint in closed form, ``g -> K^T (sigma' g)``, from the value of ``sigma``."""
        A, b = self.matrix(theta[0]), theta[1]
        s = self.activation.function(self.operator(A, u, b))
        first = theta[0].ndim - len(self.operator.shape)  # the axis of the samples, after that of the steps if any
        summed = tuple(i for i in range(first, u.ndim) if i != first + 1)

        def transpose(g: Tensor, sums: Sums, scale: float) -> Tensor:
            g = self.activation.pull(g, s)
            if sums[0] is not None:
                sums[0].add_(self.pull_matrix(self.operator.pull_weight(A, u, g)), alpha=scale)
            if sums[1] is not None:
                total = g.sum(summed)
                sums[1].add_(total.sum(-1, keepdim=True) if self.scalar_bias else total, alpha=scale)
            return self.operator.transpose(A, g)

        return s, transpose

    def increments(self, theta: Theta, pixels: tuple[int, ...] = (), part: int = 0) -> Increments:
        """Return ``l = max sigma' ||A||`` and ``(max sigma' ||A + A^T|| / 2 + l) / 2`` for the applied ``A``.

        ``g = D A d`` with a diagonal ``0 <= D <= max sigma'``, so that ``D d`` is in the ball of radius ``max sigma'
        |d| / 2`` around ``max sigma' d / 2``, and ``<D d, A d> <= max sigma' (<d, A d> + |d| |A d|) / 2``.
        """
        A, slope = self.matrix(theta[0]), self.activation.slope
        symmetric = self.operator.norm((A + self.operator.transposed(A)) / 2, pixels)
        lipschitz = slope * self.operator.norm(A, pixels)
        return Increments(lipschitz, (slope * symmetric + lipschitz) / 2)
