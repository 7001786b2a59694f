"""Forward Euler: the ResNet layer."""

import math

from pdebridge.integrators.runge_kutta import RungeKutta


class ForwardEuler(RungeKutta):
    """``u_{k+1} = u_k + h F(t_k, u_k)``, order 1; stable where ``|1 + h lambda(J)| <= 1``."""

    order = 1
    a = ((),)
    b = (1.0,)
    c = (0.0,)
    real_limit = 2.0
    imaginary_limit = 0.0

    def largest_step(self, eigenvalue: complex) -> float:
        """Return ``2 |Re| / |lambda|^2``, where ``|1 + h lambda| = 1``; exact in the left half-plane."""
        return -2 * eigenvalue.real / abs(eigenvalue) ** 2 if eigenvalue else math.inf
