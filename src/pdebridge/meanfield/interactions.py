"""Running costs ``F(rho)`` of a mean field game, seen from one moving sample."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from math import inf, pi, prod, sqrt
from typing import ClassVar

import torch
from torch import Tensor, nn


class Interaction(nn.Module, ABC):
    """A functional ``F(rho) = int f(x, rho) rho dx`` and its variation ``dF/drho``.

    `least_d` is the smallest dimension in which it is defined. `bounded_by_its_integrand` says that
    ``F(rho) >= int f(x, log r) rho dx`` for every density ``r``, which dual bounds need.
    """

    least_d: ClassVar[int] = 1
    bounded_by_its_integrand: ClassVar[bool] = False

    @abstractmethod
    def forward(self, x: Tensor, log_rho: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``f`` and ``dF/drho``, each ``(N,)``, at rows ``x`` where the density has the logarithm `log_rho`."""


class Entropy(Interaction):
    """``F(rho) = weight int rho log rho``, variation ``weight (log rho + 1)``: congestion aversion.

    Raises:
        ValueError: the weight is not positive: the functional is then not convex, and Gibbs' inequality does not hold.
    """

    bounded_by_its_integrand = True  # Gibbs' inequality

    def __init__(self, weight: float) -> None:
        super().__init__()
        if not 0 < weight < inf:
            raise ValueError(f"the weight of an entropy must be positive, not {weight:g}")
        self.weight = weight

    def forward(self, x: Tensor, log_rho: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``weight log rho`` and ``weight (log rho + 1)``."""
        f = self.weight * log_rho
        return f, f + self.weight


class External(Interaction):
    """``F(rho) = int Q rho``, whose variation is ``Q``: a cost of the place alone, whoever else is there."""

    bounded_by_its_integrand = True

    @abstractmethod
    def cost(self, x: Tensor) -> Tensor:
        """Return ``Q`` at rows ``x``, shape ``(N,)``."""

    def forward(self, x: Tensor, log_rho: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``Q(x)`` twice."""
        Q = self.cost(x)
        return Q, Q


class ExternalCost(External):
    """``F(rho) = int Q rho`` with a given ``Q``, which is also its variation.

    Args:
        Q: differentiable function of rows ``(N, d)`` with values ``(N,)``; a module keeps its buffers on the device.
    """

    def __init__(self, Q: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.Q = Q

    def cost(self, x: Tensor) -> Tensor:
        """Return ``Q(x)``."""
        return self.Q(x)


class GaussianObstacle(External):
    """``F(rho) = int Q rho``, ``Q(x) = mass N((x_1, x_2); center, diag(variances))`` for every d >= 2.

    The mass is the integral of ``Q`` over the plane, not its height: the published obstacle of mass 50 is 11.254
    high (Ruthotto et al. 2020, public code).
    """

    least_d = 2
    center: Tensor
    variances: Tensor

    def __init__(
        self, mass: float, center: Sequence[float] = (0.0, 0.0), variances: Sequence[float] = (1.0, 1.0)
    ) -> None:
        super().__init__()
        if min(variances) <= 0:
            raise ValueError(f"the variances of an obstacle must be positive, not {tuple(variances)}")
        self.height = mass / (2 * pi * sqrt(prod(variances)))
        self.register_buffer("center", torch.tensor(center))
        self.register_buffer("variances", torch.tensor(variances))

    def cost(self, x: Tensor) -> Tensor:
        """Return ``Q(x)``."""
        distance = (x[:, :2] - self.center).square() @ (0.5 / self.variances)
        return self.height * (-distance).exp()


class QuadraticCost(External):
    """``F(rho) = int Q rho`` with ``Q(x) = k |x - center|^2 / 2``: a preferred place."""

    center: Tensor

    def __init__(self, k: float, center: float | Sequence[float]) -> None:
        super().__init__()
        self.k = k
        self.register_buffer("center", torch.tensor(center))

    def cost(self, x: Tensor) -> Tensor:
        """Return ``Q(x)``."""
        return 0.5 * self.k * (x - self.center).square().sum(1)
