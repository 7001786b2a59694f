"""The symmetric layer and the parabolic and second-order equations that it drives (Ruthotto & Haber, JMIV 2020)."""

import math
from typing import Any

from torch import Tensor

from pdebridge.dynamics.activation import activation_named
from pdebridge.dynamics.base import Dynamics, Instant, Structure, Sums, Theta, Transpose, half
from pdebridge.dynamics.draw import draw
from pdebridge.dynamics.normalisation import normalisation_named
from pdebridge.dynamics.operator import operator_named


class Parabolic(Dynamics):
    """``u' = F(u) = -K^T sigma(N(K u))``, a heat equation whose conductivity is learnt.

    Without normalisation ``F(u) = -K^T sigma(K u + b)``, its Jacobian ``-K^T diag(sigma') K`` is symmetric negative
    semidefinite, two solutions never part (theorem 1 of the paper), and forward Euler is stable for
    ``h <= 2 / (max sigma' ||K||^2)``. With ``sigma`` the identity and ``K`` the gradient this is the heat equation,
    with the TV norm in addition the total variation flow.

    Args:
        width: number of features or channels.
        operator: ``dense``, ``conv1d``, ``conv2d`` or ``conv3d``.
        activation: name of ``sigma``.
        normalisation: ``N``: ``tv``, ``batch``, or ``none`` for the bias ``b`` alone.
        scale: standard deviation of the initial entries of ``K``; default that of the distribution.
        distribution: of the initial entries: ``normal``, ``truncated`` or ``clipped``.
        steps: number of steps, needed by ``batch`` for its running statistics.
        prenormalise: normalise ``u`` as well, ``-K^T sigma(N(K N(u)))``, as in the code of
            Chang et al. (AAAI 2018).
    """

    structure: Structure = "explicit"

    def __init__(
        self,
        width: int,
        operator: str = "conv2d",
        activation: str = "relu",
        normalisation: str = "tv",
        scale: float | None = None,
        distribution: str = "normal",
        steps: int | None = None,
        prenormalise: bool = False,
    ) -> None:
        super().__init__()
        self.width, self.distribution = width, distribution
        self.operator, self.activation = operator_named(operator, width), activation_named(activation)
        self.scale = scale
        self.norm = normalisation_named(normalisation, width, steps)
        self.prenorm = normalisation_named(normalisation, width, steps) if prenormalise else None

    def initial(self) -> dict[str, Tensor]:
        """Draw ``K``; biases are 0, the scales of normalisations 1."""
        pre = self.prenorm.initial() if self.prenorm else {}
        K = draw(self.distribution, self.operator.shape, self.scale)
        return {f"pre_{name}": w for name, w in pre.items()} | {"K": K} | self.norm.initial()

    def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
        """Return ``-K^T sigma(N(K u))``; the sign is put on the small ``K``."""
        if self.prenorm:
            n = self.prenorm.weights
            u, theta = self.prenorm(u, theta[:n], at), theta[n:]
        K, *affine = theta
        return self.operator.transpose(-K, self.activation.consume(self.norm(self.operator(K, u), affine, at)))

    @property
    def closed(self) -> bool:
        """Tell whether ``N`` has a closed form as well."""
        return super().closed and self.prenorm is None and self.norm.closed

    def closed_form(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> tuple[Tensor, Transpose] | None:
        """Return ``F(u)`` and its adjoint ``g -> -K^T N'^T sigma' K g``."""
        K, *affine = theta
        normalised, through_norm = self.norm.linearise(self.operator(K, u), affine)
        z = self.activation.consume(normalised)

        def transpose(g: Tensor, sums: Sums, scale: float) -> Tensor:
            total, *rest = sums
            if total is not None:
                total.sub_(self.operator.pull_weight(K, g, z), alpha=scale)
            a = through_norm(self.activation.pull(self.operator(-K, g), z), rest, scale)
            if total is not None:
                total.add_(self.operator.pull_weight(K, u, a), alpha=scale)
            return self.operator.transpose(K, a)

        return self.operator.transpose(-K, z), transpose

    def rate(self, theta: Theta, pixels: tuple[int, ...] = ()) -> float | None:
        """Return ``max sigma' ||K||^2 L >= ||dF/du||`` with the Lipschitz constant ``L`` of the normalisation."""
        if self.prenorm:
            return None
        K, *affine = theta
        slope = self.norm.lipschitz(affine)
        return None if slope is None else self.activation.slope * slope * self.operator.norm(K, pixels) ** 2

    def spectrum(self, theta: Theta, pixels: tuple[int, ...] = ()) -> complex | None:
        """Return ``-rate``; with a normalisation the axis is that of the layer without it."""
        rate = self.rate(theta, pixels)
        return None if rate is None else complex(-rate)


class SecondOrder(Parabolic):
    """``y'' = -K^T sigma(N(K y))``, ``y'(0) = 0``, a nonlinear wave (telegraph) equation.

    The layer is that of `Parabolic`; the equation is of second order in time, keeps energy in place of dissipating
    it, and its leapfrog steps are reversible.

    Args:
        width: number of features or channels; even if ``pair``.
        pair: the features are position and velocity ``(y, y')``, so that a next block goes on with both.
        options: those of `Parabolic`.
    """

    def __init__(self, width: int, pair: bool = False, **options: Any) -> None:
        super().__init__(half(width) if pair else width, **options)
        self.structure = "second-order-pair" if pair else "second-order"

    def spectrum(self, theta: Theta, pixels: tuple[int, ...] = ()) -> complex | None:
        """Return ``i sqrt(rate)``: ``omega^2`` are the eigenvalues of ``-dF/dy``."""
        rate = self.rate(theta, pixels)
        return None if rate is None else 1j * math.sqrt(rate)
