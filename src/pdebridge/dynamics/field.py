"""A dynamics bound to the weights of one step: the function that an integrator evaluates."""

from torch import Tensor

from pdebridge.dynamics.base import Dynamics, Instant, Theta


class Field:
    """``F(t_k + c h, u; theta(t_k + c h))`` for one step ``k``.

    Args:
        dynamics: the right-hand side.
        theta: the weights of this step, each ``(S, ...)`` (``Control.sample``).
        abscissae: the fractions ``c`` to which the ``S`` samples belong; ignored if ``S`` is 1.
        k: index of the step.
        h: step size.
    """

    __slots__ = ("abscissae", "dynamics", "h", "k", "theta")

    def __init__(self, dynamics: Dynamics, theta: Theta, abscissae: tuple[float, ...], k: int, h: float) -> None:
        self.dynamics, self.theta, self.abscissae, self.k, self.h = dynamics, theta, abscissae, k, h

    def __call__(self, u: Tensor, c: float = 0.0, part: int = 0) -> Tensor:
        """Evaluate the right-hand side at the fraction ``c`` of the step."""
        s = 0 if not self.theta or len(self.theta[0]) == 1 else self.abscissae.index(c)
        return self.dynamics(u, tuple(w[s] for w in self.theta), Instant(self.k, c, self.h), part)
