"""The symmetric layer and the parabolic and second-order equations that it drives (Ruthotto & Haber, JMIV 2020)."""

import math
from typing import Any

from torch import Tensor

from pdebridge.dynamics.activation import activation_named
from pdebridge.dynamics.base import Dynamics, Increments, Instant, Structure, Sums, Theta, Transpose, half
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

    def increments(self, theta: Theta, pixels: tuple[int, ...] = (), part: int = 0) -> Increments | None:
        """Return ``l = max sigma' L ||K||^2`` with the Lipschitz constant ``L`` of ``N``, and what is known of signs.

        ``g = -K^T D P K d`` with a diagonal ``0 <= D <= max sigma'`` and the mean derivative ``P`` of ``N``. Where
        ``N`` is a shift, or ``sigma`` the identity and ``P`` symmetric, ``F`` is minus the gradient of a convex
        function. Where ``P = S Q`` with a diagonal ``S >= 0`` and ``Q >= 0``, the symmetric part of ``(D S) Q`` is at
        least ``-max sigma' L / 8`` (for ``0 <= A, B <= 1``: ``<A v, B v> >= -|v|^2 / 8``), so the logarithmic norm is
        at most ``l / 8``: a product of three positive factors need not be stable.
        """
        pre, K, affine = self.split(theta)
        slope = self.slope(pre, affine)
        if slope is None:
            return None
        lipschitz = slope * self.operator.norm(K, pixels) ** 2
        if self.prenorm or not self.norm.monotone(affine):
            return Increments(lipschitz, lipschitz)
        return Increments(lipschitz, 0.0, True) if self.gradient(affine) else Increments(lipschitz, lipschitz / 8)

    def split(self, theta: Theta) -> tuple[Theta, Tensor, Theta]:
        """Return the weights of the first normalisation, ``K``, and the weights of ``N``."""
        pre = self.prenorm.weights if self.prenorm else 0
        return theta[:pre], theta[pre], theta[pre + 1 :]

    def slope(self, pre: Theta, affine: Theta) -> float | None:
        """Return the product of the Lipschitz constants of ``sigma``, ``N`` and what stands before ``K``, if known."""
        before, N = self.prenorm.lipschitz(pre) if self.prenorm else 1.0, self.norm.lipschitz(affine)
        return None if before is None or N is None else self.activation.slope * N * before

    def gradient(self, affine: Theta) -> bool:
        """Tell whether ``sigma(N(a))`` is the gradient of a convex function, so that the Jacobian is symmetric."""
        return self.norm.diagonal or (self.activation.linear and self.norm.symmetric(affine))

    def spectrum(self, theta: Theta, pixels: tuple[int, ...] = ()) -> complex | None:
        """Return ``-l``, or ``None`` where the Jacobian is not symmetric."""
        bounds = self.increments(theta, pixels)
        return complex(-bounds.lipschitz) if bounds and bounds.cocoercive else None


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
        """Return ``i sqrt(l)``: ``omega^2`` are the eigenvalues of ``-dF/dy``."""
        real = super().spectrum(theta, pixels)
        return None if real is None else 1j * math.sqrt(abs(real))
