"""The classical Runge-Kutta method."""

from pdebridge.dynamics.field import Field
from pdebridge.integrators.base import Integrator, State


class RK4(Integrator):
    """``u_{k+1} = u_k + h/6 (k_1 + 2 k_2 + 2 k_3 + k_4)``, order 4.

    Stable for ``h |lambda| <= 2.785`` on the negative real axis and ``<= 2 sqrt(2)`` on the imaginary axis.
    """

    structure = "explicit"
    order = 4
    abscissae = (0.0, 0.5, 1.0)
    real_limit = 2.785293563405282
    imaginary_limit = 2.8284271247461903

    def step(self, F: Field, state: State, h: float) -> State:
        """Advance ``(u,)`` by one step of four stages."""
        (u,) = state
        k1 = F(u, 0.0)
        k2 = F(u.add(k1, alpha=h / 2), 0.5)
        k3 = F(u.add(k2, alpha=h / 2), 0.5)
        k4 = F(u.add(k3, alpha=h), 1.0)
        return (u.add(k1 + 2 * (k2 + k3) + k4, alpha=h / 6),)
