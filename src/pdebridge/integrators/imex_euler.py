"""Explicit reaction, implicit diffusion (IMEXnet; Haber et al., ICML 2019)."""

from pdebridge.dynamics.field import Field
from pdebridge.integrators.base import Integrator, State


class IMEXEuler(Integrator):
    """``u_{k+1} = (I + h A)^{-1} (u_k + h F(t_k, u_k, part=0))``, order 1, for ``u' = F(u) - A u``.

    ``F(., part=1)`` is the resolvent ``(I + h A)^{-1}``; it limits no step if ``A`` is positive semidefinite.
    """

    structure = "implicit-explicit"
    order = 1

    def step(self, F: Field, state: State, h: float) -> State:
        """Advance ``(u,)`` by an explicit and an implicit half."""
        (u,) = state
        return (F(u.add(F(u, part=0), alpha=h), part=1),)
