"""Explicit reaction, implicit diffusion (IMEXnet; Haber et al., ICML 2019)."""

from pdebridge.dynamics.field import Field
from pdebridge.integrators.additive import Implicit, resolvent
from pdebridge.integrators.base import Bounds, Comparison, State


class IMEXEuler(Implicit):
    """``u_{k+1} = (I - h L)^{-1} (u_k + h F(t_k, u_k))``, order 1, for ``u' = F(u) + L u``."""

    order = 1
    gamma = 1.0
    largest_step = Implicit.largest_step

    def step(self, F: Field, state: State, h: float) -> State:
        """Advance ``(u,)`` by an explicit and an implicit half."""
        (u,) = state
        (solve,) = F.functions(u, resolvent(self.gamma))
        return (solve(u.add(F(u), alpha=h)),)

    def comparison(self, bounds: Bounds, k: int, h: float) -> Comparison | None:
        """Return ``(1 + h l) / (1 - h mu)``: ``l`` of ``F``, the logarithmic norm ``mu`` of ``L``, if ``h mu < 1``."""
        growth = h * bounds(0.0, 1).one_sided
        return [[(1 + h * bounds(0.0, 0).lipschitz) / (1 - growth)]] if growth < 1 else None
