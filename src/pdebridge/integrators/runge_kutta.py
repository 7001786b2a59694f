"""Explicit Runge-Kutta methods by their tableaux (Hairer, Nørsett & Wanner, Solving ODEs I, chapter II)."""

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.polynomial import Polynomial
from numpy.typing import NDArray
from torch import Tensor

from pdebridge.dynamics.base import Structure
from pdebridge.dynamics.field import AdjointField, Field
from pdebridge.integrators.base import Bounds, Comparison, Integrator, State
from pdebridge.integrators.stability_region import largest_triangle


class RungeKutta(Integrator):
    """``u_{k+1} = u_k + h sum_i b_i k_i`` with ``k_i = F(t_k + c_i h, u_k + h sum_{j<i} a_ij k_j)``.

    `a` holds one row a stage, the first one empty; `c` holds the row sums of `a`. A method is its tableau and the
    `order` and limits that it has: `stages` and `abscissae` follow from `c`.
    """

    structure: ClassVar[Structure] = "explicit"
    a: ClassVar[tuple[tuple[float, ...], ...]]
    b: ClassVar[tuple[float, ...]]
    c: ClassVar[tuple[float, ...]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.stages, cls.abscissae = len(cls.c), distinct(cls.c)

    def step(self, F: Field, state: State, h: float) -> State:
        """Advance ``(u,)``."""
        (u,) = state
        slopes: list[Tensor] = []
        for row, c in zip(self.a, self.c, strict=True):
            slopes.append(F(add(u, slopes, row, h), c))
        return (add(u, slopes, self.b, h),)

    def linearise(self, F: AdjointField, state: State, h: float) -> tuple[State, Callable[[State], State]]:
        """Advance ``(u,)`` and return the adjoint of the step, stage by stage without a graph of the step.

        ``lambda_i = h (dF/du)_i^T (b_i g + sum_{j>i} a_ji lambda_j)`` and ``g_k = g + sum_i lambda_i`` for the
        cotangent ``g`` of ``u_{k+1}`` (Hager, Numer. Math. 2000).
        """
        (u,) = state
        slopes: list[Tensor] = []
        transposes: list[Callable[..., Tensor]] = []
        for row, c in zip(self.a, self.c, strict=True):
            slope, transpose = F.linearise(add(u, slopes, row, h), c)
            slopes.append(slope)
            transposes.append(transpose)
        return (add(u, slopes, self.b, h),), lambda cotangent: (self.adjoint(transposes, cotangent[0], h),)

    def adjoint(self, transposes: list[Callable[..., Tensor]], g: Tensor, h: float) -> Tensor:
        """Return the cotangent ``g_k`` of ``u_k`` from the adjoints of the stages, ``lambda_i = h transpose_i``."""
        pulled: list[Tensor] = []  # lambda_s, ..., lambda_{i+1}, each without its scale
        scales: list[float] = []
        for i, transpose in reversed(list(enumerate(transposes))):
            column = [row[i] * scale for row, scale in zip(self.a[:i:-1], scales, strict=True)]
            if self.b[i]:
                scales.append(h * self.b[i])
                cotangent = add(g, pulled, column, 1 / self.b[i])
            else:
                scales.append(h)
                cotangent = add(torch.zeros_like(g), pulled, column, 1.0)
            pulled.append(transpose(cotangent, scales[-1]))
        return add(g, pulled, scales, 1.0)

    @cached_property
    def matrices(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return ``A`` and ``b`` of the tableau."""
        A = np.zeros((self.stages, self.stages))
        for i, row in enumerate(self.a):
            A[i, : len(row)] = row
        return A, np.array(self.b)

    @cached_property
    def polynomial(self) -> Polynomial:
        """Return ``R(z) = 1 + sum_j b^T A^j 1 z^(j+1)``, the factor of one step of ``u' = z u`` with ``h = 1``."""
        A, b = self.matrices
        powers = [b @ np.linalg.matrix_power(A, j) @ np.ones(len(b)) for j in range(len(b))]
        return Polynomial([1.0, *powers])

    def largest_step(self, eigenvalue: complex) -> float:
        """Return the largest ``h`` for which the triangle of 0, ``h eigenvalue`` and its conjugate is stable."""
        return largest_triangle(self.polynomial, eigenvalue) if eigenvalue else math.inf

    @cached_property
    def circle(self) -> float:
        """Return the least ``q`` with ``B A + A^T B - b b^T >= -q B``, ``B = diag(b)``; infinite unless ``b > 0``.

        A step is non-expansive for every cocoercive ``F``, of any Lipschitz constant ``l``, if ``h l <= 2/q``
        (Dahlquist & Jeltsch, ETH report 2006-09: contractivity on circles).
        """
        _, b = self.matrices
        if not (b > 0).all():
            return math.inf
        root = 1 / np.sqrt(b)
        return float(-np.linalg.eigvalsh(root[:, None] * self.energy * root).min())

    def stages_of(self, bounds: Bounds, h: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return ``h l_i`` and ``D_i``, by which differences of stages exceed those of the states at most."""
        A, _ = self.matrices
        slopes = h * np.array([bounds(c, 0).lipschitz for c in self.c])
        reach = np.ones(len(A))
        for i in range(len(A)):
            reach[i] += np.abs(A[i]) @ (slopes * reach)
        return slopes, reach

    def increment(self, bounds: Bounds, h: float) -> float:
        """Return a Lipschitz constant of ``u_k -> u_{k+1} - u_k``."""
        slopes, reach = self.stages_of(bounds, h)
        return float(np.abs(self.matrices[1]) @ (slopes * reach))

    @cached_property
    def energy(self) -> NDArray[np.float64]:
        """Return ``Q = B A + A^T B - b b^T``."""
        A, b = self.matrices
        return b[:, None] * A + (b[:, None] * A).T - np.outer(b, b)

    def comparison(self, bounds: Bounds, k: int, h: float) -> Comparison:
        """Return the least of two bounds on ``|u_{k+1} - v_{k+1}| / |u_k - v_k|``.

        With the differences ``d_i`` of the stages, ``g_i`` of their slopes, and ``|d_i| <= D_i |d|``, the first is the
        triangle inequality, ``1 + h sum_i |b_i| l_i D_i``. The second is the identity behind B-stability,
        ``|d_{k+1}|^2 = |d|^2 + 2 h sum_i b_i <g_i, d_i> - h^2 sum_ij Q_ij <g_i, g_j>`` (Burrage & Butcher, SIAM J.
        Numer. Anal. 1979), with the logarithmic norm in ``<g_i, d_i>``; cocoercive stages need `circle` alone.
        """
        b, (slopes, reach) = self.matrices[1], self.stages_of(bounds, h)
        found, moved = [bounds(c, 0) for c in self.c], slopes * reach
        triangle = 1 + np.abs(b) @ moved
        if all(F.cocoercive for F in found) and math.isfinite(self.circle):
            gained = np.maximum(self.circle * slopes - 2, 0) * b * slopes @ reach**2
        else:
            along = np.array([max(F.one_sided, 0.0) for F in found])
            inner = np.where(b >= 0, b * h * along, -b * slopes)
            gained = 2 * inner @ reach**2 + moved @ np.abs(self.energy) @ moved
        return [[min(float(triangle), math.sqrt(1 + float(gained)))]]


def distinct(c: Sequence[float]) -> tuple[float, ...]:
    """Return the fractions of a step at which weights are needed, each once, in the order of time."""
    return tuple(sorted(set(c)))


def add(u: Tensor, slopes: Sequence[Tensor], weights: Sequence[float], h: float) -> Tensor:
    """Return ``u + h sum_i weights_i slopes_i``."""
    total = u
    for slope, weight in zip(slopes, weights, strict=True):
        if weight:
            total = total.add(slope, alpha=h * weight) if total is u else total.add_(slope, alpha=h * weight)
    return total


class ExplicitMidpoint(RungeKutta):
    """``u_{k+1} = u_k + h F(t_k + h/2, u_k + h/2 F(t_k, u_k))``, order 2: RK2 of ANODE (Gholami et al., 2019).

    Stable for ``h |lambda| <= 2`` on the negative real axis, nowhere on the imaginary axis but in 0.
    """

    order = 2
    a = ((), (0.5,))
    b = (0.0, 1.0)
    c = (0.0, 0.5)
    real_limit = 2.0


class RK4(RungeKutta):
    """``u_{k+1} = u_k + h/6 (k_1 + 2 k_2 + 2 k_3 + k_4)``, order 4.

    Stable for ``h |lambda| <= 2.785`` on the negative real axis and ``<= 2 sqrt(2)`` on the imaginary axis.
    """

    order = 4
    a = ((), (0.5,), (0.0, 0.5), (0.0, 0.0, 1.0))
    b = (1 / 6, 1 / 3, 1 / 3, 1 / 6)
    c = (0.0, 0.5, 0.5, 1.0)
    real_limit = 2.785293563405282
    imaginary_limit = 2.8284271247461903


class DormandPrince5(RungeKutta):
    """The fifth-order solution of Dormand & Prince (J. Comput. Appl. Math. 1980) with fixed steps, six stages.

    Stable for ``h |lambda| <= 3.307`` on the negative real axis and ``<= 0.997`` on the imaginary axis.
    """

    order = 5
    a = (
        (),
        (1 / 5,),
        (3 / 40, 9 / 40),
        (44 / 45, -56 / 15, 32 / 9),
        (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
        (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    )
    b = (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84)
    c = (0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0)
    real_limit = 3.306567892634946
    imaginary_limit = 0.9971890086324628
