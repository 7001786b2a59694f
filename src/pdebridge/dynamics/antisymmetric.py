"""Antisymmetric weights: no eigenvalue of the frozen Jacobian grows (Haber & Ruthotto 2017, section 4.1)."""

import math
from typing import Any

from torch import Tensor

from pdebridge.dynamics.base import Increments, Theta
from pdebridge.dynamics.dense import Dense


class Antisymmetric(Dense):
    """``u' = sigma(A u + b)`` with ``A = c (K - K^T - gamma I)`` of full width.

    For ``gamma = 0`` the Jacobian ``diag(sigma') A`` has imaginary eigenvalues only: it is similar to an
    antisymmetric matrix where ``sigma' > 0``. That speaks of a frozen ``sigma'``: as it varies along a trajectory the
    flow of constant weights may grow, at most by ``exp(t max sigma' ||A|| / 2)``. Forward Euler is unstable there for
    every step, so it takes a small ``gamma``; Runge-Kutta 4 and the two-step midpoint rule do not need it. As a
    convolution, ``K - K^T`` is one convolution with the difference of the kernel and its reflection.

    Args:
        width: number of features or channels.
        gamma: diffusion, at least 0.
        half: factor ``c = 1/2`` (Haber & Ruthotto 2017, eq. 4.12) in place of 1 (Chang et al., AAAI 2018).
        options: activation, scale, scalar_bias, operator and distribution, as in `Dense`.
    """

    def __init__(self, width: int, gamma: float = 0.0, half: bool = True, **options: Any) -> None:
        super().__init__(width, **options)
        if gamma < 0:
            raise ValueError(f"gamma damps and is at least 0, not {gamma}")
        self.gamma, self.factor = gamma, 0.5 if half else 1.0

    closed_form = Dense.closed_form  # holds for every pair of `matrix` and `pull_matrix`

    def matrix(self, K: Tensor) -> Tensor:
        """Return the weight tensor of ``A``."""
        A = K - self.operator.transposed(K)
        if self.gamma:
            A = A - self.gamma * self.operator.identity(K)
        return self.factor * A if self.factor != 1.0 else A

    def pull_matrix(self, g: Tensor) -> Tensor:
        """Return ``c (g - g^T)``."""
        return self.factor * (g - self.operator.transposed(g))

    def spectrum(self, theta: Theta, pixels: tuple[int, ...] = ()) -> complex:
        """Return ``max sigma' (-c gamma + i c ||K - K^T||)``.

        An eigenvalue of ``D A`` is one of ``D^(1/2) A D^(1/2)``, in ``{r c (-gamma + i s): 0 <= r <= max sigma', |s| <=
        ||K - K^T||}``: the triangle.
        """
        return self.activation.slope * self.factor * complex(-self.gamma, self.frequency(theta, pixels))

    def increments(self, theta: Theta, pixels: tuple[int, ...] = (), part: int = 0) -> Increments:
        """Return ``l = max sigma' ||A||``, ``(l - max sigma' c gamma) / 2``: here ``<d, A d> = -c gamma |d|^2``."""
        slope = self.activation.slope * self.factor
        lipschitz = slope * math.hypot(self.frequency(theta, pixels), self.gamma)  # A is normal
        return Increments(lipschitz, (lipschitz - slope * self.gamma) / 2)

    def frequency(self, theta: Theta, pixels: tuple[int, ...]) -> float:
        """Return ``||K - K^T||``."""
        return self.operator.norm(theta[0] - self.operator.transposed(theta[0]), pixels)
