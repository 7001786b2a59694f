"""Explicit Runge-Kutta methods by their tableaux (Hairer, Nørsett & Wanner, Solving ODEs I, chapter II)."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from pdebridge.dynamics.base import Structure
from pdebridge.dynamics.field import AdjointField, Field
from pdebridge.integrators.base import Integrator, State


class RungeKutta(Integrator):
    """``u_{k+1} = u_k + h sum_i b_i k_i`` with ``k_i = F(t_k + c_i h, u_k + h sum_{j<i} a_ij k_j)``.

    `a` holds one row a stage, the first one empty; `c` holds the row sums of `a`.
    """

    structure: ClassVar[Structure] = "explicit"
    a: ClassVar[tuple[tuple[float, ...], ...]]
    b: ClassVar[tuple[float, ...]]
    c: ClassVar[tuple[float, ...]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.stages = len(cls.c)

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
    abscissae = (0.0, 0.5)
    real_limit = 2.0


class RK4(RungeKutta):
    """``u_{k+1} = u_k + h/6 (k_1 + 2 k_2 + 2 k_3 + k_4)``, order 4.

    Stable for ``h |lambda| <= 2.785`` on the negative real axis and ``<= 2 sqrt(2)`` on the imaginary axis.
    """

    order = 4
    a = ((), (0.5,), (0.0, 0.5), (0.0, 0.0, 1.0))
    b = (1 / 6, 1 / 3, 1 / 3, 1 / 6)
    c = (0.0, 0.5, 0.5, 1.0)
    abscissae = (0.0, 0.5, 1.0)
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
    abscissae = c
    real_limit = 3.306567892634946
    imaginary_limit = 0.9971890086324628
