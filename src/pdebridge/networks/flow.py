"""A block of ``N`` steps: one point of the cube dynamics x integrator x gradient."""

from collections.abc import Callable

from torch import Tensor, nn

from pdebridge.dynamics.base import Dynamics, Theta
from pdebridge.dynamics.control import Control
from pdebridge.integrators.base import Integrator

Gradient = Callable[[Integrator, Dynamics, Theta, Tensor, int, float], Tensor]


class Flow(nn.Module):
    """The numerical flow map ``u(0) -> u(T)`` of ``u' = F(t, u; theta(t))`` in ``N`` steps of ``h = T/N``.

    Args:
        dynamics: the right-hand side ``F``.
        control: its weights ``theta(t)``.
        integrator: the step; its structure must be the dynamics'.
        gradient: how the derivative comes back.
        steps: ``N``.
        time: ``T``.

    Raises:
        ValueError: the integrator does not fit the structure of the dynamics.
    """

    def __init__(
        self,
        dynamics: Dynamics,
        control: Control,
        integrator: Integrator,
        gradient: Gradient,
        steps: int,
        time: float,
    ) -> None:
        super().__init__()
        if integrator.structure != dynamics.structure:
            raise ValueError(
                f"{type(integrator).__name__} integrates {integrator.structure} dynamics, "
                f"{type(dynamics).__name__} is {dynamics.structure}"
            )
        self.dynamics, self.control = dynamics, control
        self.integrator, self.gradient, self.steps, self.h = integrator, gradient, steps, time / steps

    def forward(self, u: Tensor) -> Tensor:
        """Return ``u(T)`` for features ``u``, batch first."""
        theta = self.control.sample(self.steps, self.integrator.abscissae)
        return self.gradient(self.integrator, self.dynamics, theta, u, self.steps, self.h)
