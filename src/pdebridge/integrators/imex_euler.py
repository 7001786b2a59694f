"""Explicit reaction, implicit diffusion (IMEXnet; Haber et al., ICML 2019)."""

from pdebridge.dynamics.field import Field
from pdebridge.integrators.additive import Implicit, resolvent
from pdebridge.integrators.base import State


class IMEXEuler(Implicit):
    """``u_{k+1} = (I - h L)^{-1} (u_k + h F(t_k, u_k))``, order 1, for ``u' = F(u) + L u``."""

    order = 1
    gamma = 1.0

    def step(self, F: Field, state: State, h: float) -> State:
        """Advance ``(u,)`` by an explicit and an implicit half."""
        (u,) = state
        (solve,) = F.functions(u, resolvent(self.gamma))
        return (solve(u.add(F(u), alpha=h)),)
