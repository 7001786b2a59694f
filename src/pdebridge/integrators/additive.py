"""Implicit-explicit Runge-Kutta methods by pairs of tableaux (Ascher, Ruuth & Spiteri, Appl. Numer. Math. 25, 1997)."""

import math
from typing import Any, ClassVar

from torch import Tensor

from pdebridge.dynamics.field import Field, Map
from pdebridge.integrators.base import Integrator, State
from pdebridge.integrators.runge_kutta import add, distinct


def resolvent(gamma: float) -> Map:
    """Return ``z -> 1 / (1 - gamma z)``."""
    return lambda z: 1 / (1 - gamma * z)


class Implicit(Integrator):
    """A step of ``u' = F(t, u) + L u`` with the resolvents ``(I - gamma h L)^{-1}``, stable where ``L`` is dissipative.

    Where ``L`` has modes that grow, at rates up to ``lambda``, the resolvents have a pole at ``1 / (gamma lambda)``;
    with smaller steps a growing mode grows and keeps its sign.
    """

    structure = "implicit-explicit"
    gamma: ClassVar[float]

    def largest_step(self, eigenvalue: complex) -> float:
        """Return ``1 / (gamma Re)`` for the fastest growth ``Re > 0`` of ``L``, else infinity."""
        return 1 / (self.gamma * eigenvalue.real) if eigenvalue.real > 0 else math.inf


class AdditiveRungeKutta(Implicit):
    """``U_i = u_k + h sum_{j<i} a_ij F(t_k + c_j h, U_j) + h sum_{j<=i} A_ij L U_j``, two tableaux for two parts.

    `a` is explicit, its first row empty; `A` is diagonally implicit with ``A_ii = gamma`` or, in the first row, zero;
    its weights are its last row, so that ``u_{k+1} = U_s + h sum_j (b_j - a_sj) F(t_k + c_j h, U_j)``.
    """

    a: ClassVar[tuple[tuple[float, ...], ...]]
    A: ClassVar[tuple[tuple[float, ...], ...]]
    b: ClassVar[tuple[float, ...]]
    c: ClassVar[tuple[float, ...]]
    rest: ClassVar[tuple[float, ...]]
    largest_step = Implicit.largest_step

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.gamma = cls.A[-1][-1]
        cls.rest = tuple(b - a for b, a in zip(cls.b, (*cls.a[-1], 0.0), strict=True))
        cls.stages = len(cls.c) if cls.rest[-1] else len(cls.c) - 1
        cls.abscissae = distinct(cls.c[: cls.stages])

    def step(self, F: Field, state: State, h: float) -> State:
        """Advance ``(u,)``."""
        (u,) = state
        solve, apply = F.functions(u, resolvent(self.gamma), lambda z: z)
        slopes: list[Tensor] = []
        linear: list[Tensor] = []  # h L U_j
        for row, (*weights, diagonal), c in zip(self.a, self.A, self.c, strict=True):
            known = add(add(u, slopes, row, h), linear, weights, 1.0)
            U = solve(known) if diagonal else known
            if len(linear) + 1 < len(self.c):
                linear.append((U - known) / diagonal if diagonal else apply(U))
            if len(slopes) < self.stages:
                slopes.append(F(U, c))
        return (add(U, slopes, self.rest[: self.stages], h),)


class CrankNicolson(AdditiveRungeKutta):
    """The trapezoidal rule for ``L``; for ``F`` too, with a step of implicit-explicit Euler type to predict; order 2.

    ``(I - h/2 L) U = (I + h/2 L) u_k + h F(u_k)``, ``(I - h/2 L) u_{k+1} = (I + h/2 L) u_k + h/2 (F(u_k) + F(U))``.
    A-stable but not L-stable: the fastest modes of ``L`` are not damped, they change their sign from step to step.
    """

    order = 2
    a = ((), (1.0,), (1 / 2, 1 / 2))
    A = ((0.0,), (1 / 2, 1 / 2), (1 / 2, 0.0, 1 / 2))
    b = (1 / 2, 1 / 2, 0.0)
    c = (0.0, 1.0, 1.0)


GAMMA = 1 - 1 / math.sqrt(2)
DELTA = 1 - 1 / (2 * GAMMA)


class ARS222(AdditiveRungeKutta):
    """ARS(2,2,2), section 2.6 of the paper, ``gamma = 1 - 1/sqrt(2)``: order 2, two resolvents, L-stable."""

    order = 2
    a = ((), (GAMMA,), (DELTA, 1 - DELTA))
    A = ((0.0,), (0.0, GAMMA), (0.0, 1 - GAMMA, GAMMA))
    b = (DELTA, 1 - DELTA, 0.0)
    c = (0.0, GAMMA, 1.0)


class ARS443(AdditiveRungeKutta):
    """ARS(4,4,3), section 2.8 of the paper, ``gamma = 1/2``: order 3, four resolvents, L-stable."""

    order = 3
    a = ((), (1 / 2,), (11 / 18, 1 / 18), (5 / 6, -5 / 6, 1 / 2), (1 / 4, 7 / 4, 3 / 4, -7 / 4))
    A = (
        (0.0,),
        (0.0, 1 / 2),
        (0.0, 1 / 6, 1 / 2),
        (0.0, -1 / 2, 1 / 2, 1 / 2),
        (0.0, 3 / 2, -3 / 2, 1 / 2, 1 / 2),
    )
    b = (1 / 4, 7 / 4, 3 / 4, -7 / 4, 0.0)
    c = (0.0, 1 / 2, 2 / 3, 1 / 2, 1.0)
