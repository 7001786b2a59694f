"""The two-step midpoint rule (Chang et al., AAAI 2018, eq. 12)."""

from torch import Tensor

from pdebridge.dynamics.field import AdjointField, Field
from pdebridge.integrators.base import Bounds, Comparison, Integrator, State
from pdebridge.integrators.euler import ForwardEuler

EULER = ForwardEuler()


class Midpoint(Integrator):
    """``u_{k+1} = u_{k-1} + 2h F(t_k, u_k)`` after one Euler step ``u_1 = u_0 + h F(t_0, u_0)``; order 2.

    The state is ``(u_k, u_{k-1})`` and ``(u_0, u_0)`` at the start. Reversible for every right-hand side:
    ``u_{k-1} = u_{k+1} - 2h F(t_k, u_k)``. Stable only for eigenvalues on the imaginary axis, ``h |lambda| <= 1``.
    """

    structure = "explicit"
    order = 2
    reversible = True
    one_step = False
    real_limit = 0.0
    imaginary_limit = 1.0

    def start(self, u: Tensor) -> State:
        """Return ``(u_0, u_0)``."""
        return (u, u)

    def step(self, F: Field, state: State, h: float) -> State:
        """Advance ``(u_k, u_{k-1})``."""
        u, before = state
        return (before.add(F(u), alpha=2 * h if F.k else h), u)

    def inverse(self, F: Field, state: State, h: float) -> State:
        """Recover ``(u_k, u_{k-1})`` from ``(u_{k+1}, u_k)``."""
        after, u = state
        return (u, after.sub(F(u), alpha=2 * h)) if F.k else (u, u)

    def pullback(self, F: AdjointField, state: State, cotangent: State, h: float) -> tuple[State, State]:
        """Undo the step and pull the cotangents back with one evaluation."""
        (after, u), (g_after, g) = state, cotangent
        step = 2 * h if F.k else h
        f, adjoint = F.vjp(u)
        before = after.sub(f, alpha=step) if F.k else u
        return (u, before), (adjoint(g, g_after, step), g_after)

    @property
    def entry(self) -> Comparison:
        """Return that ``u_0`` stands in both parts."""
        return [[1.0], [1.0]]

    def comparison(self, bounds: Bounds, k: int, h: float) -> Comparison | None:
        """Return the step with the Lipschitz constant of ``F`` in its place; the first one is an Euler step."""
        if k == 0:
            (first,) = EULER.comparison(bounds, k, h)
            return [[*first, 0.0], [1.0, 0.0]]
        return [[2 * h * bounds(0.0, 0).lipschitz, 1.0], [1.0, 0.0]]
