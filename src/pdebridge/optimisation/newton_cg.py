"""Newton's method with truncated conjugate gradients for the control, the classifier projected out."""

from collections.abc import Sequence

from torch import Tensor

from pdebridge.optimisation.gauss_newton import GaussNewton
from pdebridge.optimisation.linearisation import Linearisation
from pdebridge.optimisation.variable_projection import Projected

EXPONENT, SHARE, GUARD = 2.0, 0.9, 0.1


class NewtonCG(GaussNewton):
    """`GaussNewton` with the Hessian of ``psi(theta)`` itself: ``J^T (Hess psi) J + sum_i slope_i Hess f_i + L``.

    A product with it is two backward passes through the flow, as with Gauss-Newton's matrix. It need not be positive
    definite: conjugate gradients end at the first direction of curvature that is not positive, with what they have
    (Steihaug, SIAM J. Numer. Anal. 20, 1983; Nocedal & Wright, algorithm 7.1), always a direction of descent. Their
    relative residual is ``eta_k = min(eta_max, 0.9 (|g_k| / |g_{k-1}|)^2)``, not below ``0.9 eta_{k-1}^2`` while that
    exceeds 0.1 (Eisenstat & Walker, SIAM J. Sci. Comput. 17, 1996, choice 2), in the norm of the preconditioner:
    coarse steps far away, quadratic convergence to a minimiser with a positive definite Hessian.

    Args:
        options: those of `GaussNewton`; its ``tolerance`` is ``eta_max``, that of the first iteration.
    """

    projection = 1e-20  # the classifier must not be what ends quadratic convergence

    def curved(self, near: Linearisation, psi: Projected, v: Sequence[Tensor]) -> Sequence[Tensor]:
        """Return the product with the Hessian but for ``L``."""
        pushed, bent = near.bend(v)
        return [a + b for a, b in zip(near.pull(psi.hessian(pushed)), bent, strict=True)]

    def forcing(self, g: Tensor) -> float:
        """Return ``eta_k``, which with ``|g_k|`` is kept for the next iteration."""
        memory, norm = self.state[self.theta[0]], float(g @ self.precondition(g)) ** 0.5
        eta = self.tolerance
        if memory:
            guard = SHARE * memory["eta"] ** EXPONENT
            eta = min(eta, max(SHARE * (norm / memory["norm"]) ** EXPONENT, guard if guard > GUARD else 0.0))
        memory["eta"], memory["norm"] = eta, norm
        return eta
