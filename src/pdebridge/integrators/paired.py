"""The algebraically reversible form of any one-step method (McCallum & Foster, 2024)."""

import math
from collections.abc import Callable
from typing import Any, ClassVar

from numpy.polynomial import Polynomial
from torch import Tensor

from pdebridge.dynamics.field import AdjointField, Field, Portion
from pdebridge.integrators.base import Bounds, Comparison, Integrator, State
from pdebridge.integrators.euler import ForwardEuler
from pdebridge.integrators.runge_kutta import RK4, ExplicitMidpoint, RungeKutta, distinct
from pdebridge.integrators.stability_region import largest_triangle

Pull = Callable[[State], State]


class Paired(Integrator):
    """``y_{k+1} = l y_k + (1 - l) z_k + Psi_h(z_k)``, ``z_{k+1} = z_k - Psi_{-h}(y_{k+1})`` from ``y_0 = z_0 = u_0``.

    ``Psi_h(u) = Phi_h(u) - u`` is the increment of the method ``Phi``; ``Psi_{-h}`` starts at ``t_{k+1}`` and goes back
    in time. Both updates are undone in closed form, for every right-hand side, and the order is that of ``Phi``. Work
    of two steps of ``Phi``, state of two tensors. Dividing by ``l`` magnifies rounding by ``l^-N`` on the way back. On
    linear equations it is stable in a part of the region of ``Phi`` only: the eigenvalues of its step have the product
    ``l``, so decay of both is slow, and a real eigenvalue is allowed ``h |lambda| <= 1 - l``, or little more.

    Args:
        coupling: ``l``, in ``(0, 1]``.

    Raises:
        ValueError: ``l`` is out of its range.
    """

    structure = "explicit"
    reversible = True
    method: ClassVar[RungeKutta]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.stages = 2 * cls.method.stages
        if "abscissae" not in vars(cls):
            cls.abscissae = distinct([*cls.method.c, *(1.0 - c for c in cls.method.c)])

    def __init__(self, coupling: float = 0.999) -> None:
        if not 0 < coupling <= 1:
            raise ValueError(f"the coupling of a reversible form is above 0 and at most 1, not {coupling}")
        self.coupling = coupling

    def start(self, u: Tensor) -> State:
        """Return ``(u_0, u_0)``."""
        return (u, u)

    def step(self, F: Field, state: State, h: float) -> State:
        """Advance ``(y, z)``: ``y_{k+1} = l (y - z) + Phi_h(z)``, ``z_{k+1} = z + y_{k+1} - Phi_{-h}(y_{k+1})``."""
        y, z = state
        (end,) = self.method.step(F, (z,), h)
        y = end.add(y - z, alpha=self.coupling)
        (back,) = self.method.step(reversal(F), (y,), -h)
        return (y, z + (y - back))

    def largest_step(self, eigenvalue: complex) -> float:
        """Return the largest ``h`` for which the triangle of 0, ``h eigenvalue`` and its conjugate is stable.

        The step of ``u' = lambda u`` has the trace ``1 + l + (1 - R(-z)) (R(z) - l)`` and the determinant ``l``.
        """
        R, coupling = self.method.polynomial, self.coupling
        if not eigenvalue or coupling == 1:
            return 0.0 if eigenvalue else math.inf
        return largest_triangle(1 + coupling + (1 - R(Polynomial([0, -1]))) * (R - coupling), eigenvalue, coupling)

    @property
    def entry(self) -> Comparison:
        """Return that ``u_0`` stands in both parts."""
        return [[1.0], [1.0]]

    def comparison(self, bounds: Bounds, k: int, h: float) -> Comparison:
        """Return the product of the two updates with the Lipschitz constants of ``Psi_h`` and ``Psi_{-h}``."""
        onwards = 1 - self.coupling + self.method.increment(bounds, h)
        back = self.method.increment(lambda c, part: bounds(1 - c, part), h)
        return [[self.coupling, onwards], [back * self.coupling, 1 + back * onwards]]

    def inverse(self, F: Field, state: State, h: float) -> State:
        """Undo the two updates in the opposite order."""
        y, z = state
        (back,) = self.method.step(reversal(F), (y,), -h)
        z = z - (y - back)
        (end,) = self.method.step(F, (z,), h)
        return (z.add(y - end, alpha=1 / self.coupling), z)

    def pullback(self, F: AdjointField, state: State, cotangent: State, h: float) -> tuple[State, State]:
        """Undo both updates and pull the cotangents back with one evaluation a stage each."""
        (y, z), (g_y, g_z) = state, cotangent
        (back,), pull = self.method.linearise(reversal(F), (y,), -h)
        z = z - (y - back)
        g_y = g_y + g_z + pull((-g_z,))[0]
        del pull, back  # before the next step of the method is linearised
        (end,), pull = self.method.linearise(F, (z,), h)
        y = z.add(y - end, alpha=1 / self.coupling)
        g_z = g_z.add(g_y, alpha=-self.coupling) + pull((g_y,))[0]
        return (y, z), (self.coupling * g_y, g_z)

    def linearise(self, F: AdjointField, state: State, h: float) -> tuple[State, Pull]:
        """Advance ``(y, z)`` and return the adjoint of the step."""
        y, z = state
        (end,), onwards = self.method.linearise(F, (z,), h)
        y = end.add(y - z, alpha=self.coupling)
        (back,), backwards = self.method.linearise(reversal(F), (y,), -h)

        def pull(cotangent: State) -> State:
            g_y, g_z = cotangent
            g_y = g_y + g_z + backwards((-g_z,))[0]
            g_z = g_z.add(g_y, alpha=-self.coupling) + onwards((g_y,))[0]
            return (self.coupling * g_y, g_z)

        return (y, z + (y - back)), pull


def reversal(F: Field) -> Portion:
    """Return the field of a step from its end: the fraction ``c`` is ``1 - c`` of the step."""
    return Portion(F, 1.0, -1.0)


class PairedEuler(Paired):
    """The reversible form of forward Euler, order 1, two evaluations a step."""

    order = 1
    method = ForwardEuler()


class PairedMidpoint(Paired):
    """The reversible form of the explicit midpoint method, order 2, four evaluations a step."""

    order = 2
    method = ExplicitMidpoint()


class PairedRK4(Paired):
    """The reversible form of the classical Runge-Kutta method, order 4, eight evaluations a step."""

    order = 4
    method = RK4()
