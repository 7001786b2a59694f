"""Hamiltonian-inspired equations: two groups of features that drive each other and conserve energy."""

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from pdebridge.dynamics.base import Dynamics, Increments, Instant, Structure, Theta, Transpose, half
from pdebridge.dynamics.dense import Dense
from pdebridge.dynamics.parabolic import Parabolic


class HamiltonianPair(Dense):
    """``y' = sigma(K z + b)``, ``z' = -sigma(K^T y + b)`` (Haber & Ruthotto 2017, section 4.2).

    The linearisation ``[[0, K], [-K^T, 0]]`` is antisymmetric, so its eigenvalues are imaginary. Either the
    features are split into halves ``(y, z)``, or ``y`` is all of them and ``z(0) = 0`` is added.

    Args:
        width: number of features or channels; even unless ``augment``.
        augment: add ``z``, as the paper does, in place of splitting.
        options: activation, scale, scalar_bias, operator and distribution, as in `Dense`.
    """

    structure: Structure = "partitioned"

    def __init__(self, width: int, augment: bool = False, **options: Any) -> None:
        super().__init__(width if augment else half(width), **options)
        self.structure = "augmented" if augment else "partitioned"

    def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
        """Return ``sigma(K u + b)`` for part 0, ``sigma(K^T u + b)`` for part 1."""
        K, b = theta
        return self.activation((self.operator.transpose if part else self.operator)(K, u, b))

    def spectrum(self, theta: Theta, pixels: tuple[int, ...] = ()) -> complex:
        """Return ``i max sigma' ||K||``."""
        return 1j * self.activation.slope * self.operator.norm(theta[0], pixels)

    def increments(self, theta: Theta, pixels: tuple[int, ...] = (), part: int = 0) -> Increments:
        """Return ``max sigma' ||K||``, for both parts."""
        lipschitz = self.activation.slope * self.operator.norm(theta[0], pixels)
        return Increments(lipschitz, lipschitz)


class Pair(Dynamics):
    """``y' = F_1(z)``, ``z' = -F_2(y)`` for two explicit right-hand sides, features split into halves ``(y, z)``.

    Args:
        first: ``F_1``.
        second: ``F_2``.
    """

    structure: Structure = "partitioned"

    def __init__(self, first: Dynamics, second: Dynamics) -> None:
        super().__init__()
        self.parts: Sequence[Dynamics] = nn.ModuleList([first, second])  # type: ignore[assignment]
        self.split = len(first.initial())

    def initial(self) -> dict[str, Tensor]:
        """Draw the weights of both parts; their names end in 1 and 2."""
        first, second = (part.initial() for part in self.parts)
        return {f"{name}1": w for name, w in first.items()} | {f"{name}2": w for name, w in second.items()}

    def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
        """Return ``F_1(u)`` for part 0, ``F_2(u)`` for part 1."""
        return self.parts[part](u, theta[self.own(part)], at)

    @property
    def closed(self) -> bool:
        """Tell whether both parts have closed forms as well."""
        return super().closed and all(part.closed for part in self.parts)

    def closed_form(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> tuple[Tensor, Transpose]:
        """Return ``F(u)`` and its adjoint from the part."""
        own = self.own(part)
        f, transpose = self.parts[part].linearise(u, theta[own], at)
        return f, lambda g, sums, scale: transpose(g, sums[own], scale)

    def increments(self, theta: Theta, pixels: tuple[int, ...] = (), part: int = 0) -> Increments | None:
        """Return the bounds of the part."""
        return self.parts[part].increments(theta[self.own(part)], pixels)

    def own(self, part: int) -> slice:
        """Return where the weights of a part stand."""
        return slice(self.split, None) if part else slice(self.split)


class Hamiltonian(Pair):
    """``y' = -K_1^T sigma(N(K_1 z))``, ``z' = K_2^T sigma(N(K_2 y))``: the two-layer Hamiltonian network.

    The "Hamiltonian CNN" of Ruthotto & Haber (JMIV 2020); eq. 9 of Chang et al. (AAAI 2018) has both signs the other
    way round, which is this network with its time reversed.

    Without normalisation both right-hand sides are gradients, so that a Verlet step is symplectic: the backward
    sensitivity ``M = du_N/du_k`` has ``M^T J M = J``, hence ``1 = ||J|| <= ||M||^2``, whatever weights, steps and depth
    are, and gradients cannot vanish (Galimberti, Furieri, Xu & Ferrari-Trecate, 2023). With frozen weights the
    Jacobian ``[[0, -A_1], [A_2, 0]]`` with ``A_i = K_i^T diag(sigma') K_i`` has imaginary eigenvalues only; with a
    normalisation ``A_i`` is not symmetric, and nothing bounds them.

    Args:
        width: number of features or channels, even.
        prenormalise: whether ``F_1`` and ``F_2`` normalise their argument as well.
        options: operator, activation, normalisation, scale, distribution and steps, as in `Parabolic`.
    """

    def __init__(self, width: int, prenormalise: tuple[bool, bool] = (False, False), **options: Any) -> None:
        first, second = (Parabolic(half(width), prenormalise=pre, **options) for pre in prenormalise)
        super().__init__(first, second)

    def spectrum(self, theta: Theta, pixels: tuple[int, ...] = ()) -> complex | None:
        """Return ``i sqrt(l_1 l_2)``: ``omega^2`` are eigenvalues of the product ``A_1 A_2`` of symmetric factors."""
        first, second = (self.increments(theta, pixels, part) for part in (0, 1))
        if not (first and second and first.cocoercive and second.cocoercive):
            return None
        return 1j * math.sqrt(first.lipschitz * second.lipschitz)
