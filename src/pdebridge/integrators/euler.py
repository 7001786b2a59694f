"""Forward Euler: the ResNet layer."""

from pdebridge.dynamics.field import Field
from pdebridge.integrators.base import Integrator, State


class ForwardEuler(Integrator):
    """``u_{k+1} = u_k + h F(t_k, u_k)``, order 1; stable where ``|1 + h lambda(J)| <= 1``."""

    structure = "explicit"
    order = 1
    real_limit = 2.0
    imaginary_limit = 0.0

    def step(self, F: Field, state: State, h: float) -> State:
        """Advance ``(u,)`` by one Euler step."""
        (u,) = state
        return (u.add(F(u), alpha=h),)
