"""Running costs ``F(rho)`` of a mean field game, seen from one moving sample."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from math import inf, pi, prod, sqrt
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from pdebridge.meanfield.normals import Normals

Time = float | Tensor


class Interaction(nn.Module, ABC):
    """A functional ``F(rho) = int f(x, rho) rho dx`` and its variation ``dF/drho``.

    `least_d` is the smallest dimension in which it is defined. `bounded_by_its_integrand` says that
    ``F(rho) >= int b(x, r) rho dx`` for every normal density ``r`` and the ``b`` of `below`, which dual bounds need.
    What depends on the whole crowd, not on its density at ``x`` alone, takes the rows of a batch for the crowd.
    """

    least_d: ClassVar[int] = 1
    bounded_by_its_integrand: ClassVar[bool] = False

    @abstractmethod
    def forward(self, x: Tensor, log_rho: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``f`` and ``dF/drho``, each ``(N,)``, at rows ``x`` where the density has the logarithm `log_rho`."""

    def at(self, x: Tensor, log_rho: Tensor, t: Time) -> tuple[Tensor, Tensor]:
        """Return the same at a time, or one time a row; what does not move does not mind."""
        values: tuple[Tensor, Tensor] = self(x, log_rho)
        return values

    def among(self, x: Tensor, log_rho: Tensor, t: Time, crowd: Tensor) -> tuple[Tensor, Tensor]:
        """Return the same at rows ``x`` that are not of the crowd, whose samples are the rows of `crowd`."""
        return self.at(x, log_rho, t)

    def below(self, x: Tensor, r: Normals, t: Tensor) -> Tensor:
        """Return ``b`` at points ``(T, N, d)`` for normal densities at the ``T`` times ``t`` ``(T, 1)``, ``(T, N)``."""
        return self._flat(x, r.log_density(x), t)

    def _flat(self, x: Tensor, log_r: Tensor, t: Tensor) -> Tensor:
        """Return ``f`` at points ``(T, N, d)`` where the density has the logarithms ``(T, N)``."""
        return self.at(x.flatten(0, 1), log_r.flatten(), t.expand(log_r.shape).flatten())[0].view(log_r.shape)


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


class Congestion(Interaction):
    """``F(rho) = weight int rho^(power + 1) dx / (power + 1)``, variation ``weight rho^power``: crowds are slow.

    It is convex, so that it lies above its tangent at a normal density ``r`` with covariance ``S``,

        F(rho) >= int weight (r^power - power/(power + 1) r_max^power (power + 1)^(-d/2)) rho dx.

    For few dimensions: densities have the unit of ``1/x^d``.

    Raises:
        ValueError: weight or power is not positive.
    """

    bounded_by_its_integrand = True  # the tangent

    def __init__(self, weight: float, power: float = 1.0) -> None:
        super().__init__()
        if not (0 < weight < inf and 0 < power < inf):
            raise ValueError(f"weight and power of a congestion must be positive, not {weight:g} and {power:g}")
        self.weight, self.power = weight, power

    def forward(self, x: Tensor, log_rho: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``weight rho^power / (power + 1)`` and ``weight rho^power``."""
        variation = self.weight * (self.power * log_rho).exp()
        return variation / (self.power + 1), variation

    def below(self, x: Tensor, r: Normals, t: Tensor) -> Tensor:
        """Return the slope of the tangent at ``r``."""
        p = self.power
        mean = (p * r.log_peak).exp() * (p + 1) ** (-x.shape[2] / 2)
        return self.weight * ((p * r.log_density(x)).exp() - p / (p + 1) * mean)


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

    def below(self, x: Tensor, r: Normals, t: Tensor) -> Tensor:
        """Return ``Q``, whatever the densities."""
        return self._flat(x, torch.zeros_like(x[:, :, 0]), t)


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


class Moving(External):
    """``F(rho) = int Q(x - v t) rho``: an external cost that moves with a constant velocity, such as a cart or a goal.

    Args:
        part: ``Q``, where it stands at time 0.
        velocity: ``v``, of the first coordinates; the others stand still.
    """

    velocity: Tensor

    def __init__(self, part: External, velocity: Sequence[float]) -> None:
        super().__init__()
        self.part = part
        self.least_d = max(part.least_d, len(velocity))  # type: ignore[misc]
        self.register_buffer("velocity", torch.tensor(velocity))

    def cost(self, x: Tensor, t: Time = 0.0) -> Tensor:
        """Return ``Q(x - v t)``."""
        v = functional.pad(self.velocity, (0, x.shape[1] - len(self.velocity)))
        return self.part.cost(x - torch.as_tensor(t, dtype=x.dtype, device=x.device).view(-1, 1) * v)

    def at(self, x: Tensor, log_rho: Tensor, t: Time) -> tuple[Tensor, Tensor]:
        """Return ``Q(x - v t)`` twice."""
        Q = self.cost(x, t)
        return Q, Q
