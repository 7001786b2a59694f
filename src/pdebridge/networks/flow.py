"""A block of ``N`` steps: one point of the cube dynamics x integrator x gradient."""

from collections.abc import Callable

from torch import Tensor, nn

from pdebridge.dynamics.base import Dynamics, Theta
from pdebridge.dynamics.control import Control
from pdebridge.dynamics.field import Field
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

    def forward(self, u: Tensor, refinement: int = 1) -> Tensor:
        """Return ``u(T)`` for features ``u``, batch first.

        With ``refinement`` r the same control is integrated in ``r N`` steps of ``h/r``: the differential equation
        that the network stands for, rather than the network.
        """
        steps = refinement * self.steps
        theta = self.control.sample(steps, self.integrator.abscissae)
        return self.gradient(self.integrator, self.dynamics, theta, u, steps, self.h / refinement)

    def trajectory(self, u: Tensor) -> list[Tensor]:
        """Return the features ``u_0, ..., u_N`` of every step."""
        theta = self.control.sample(self.steps, self.integrator.abscissae)
        state = self.integrator.start(u)
        features = [self.integrator.finish(state)]
        for k in range(self.steps):
            layer = tuple(w[k] for w in theta)
            field = Field(self.dynamics, layer, self.integrator.abscissae, k, self.h)
            state = self.integrator.step(field, state, self.h)
            features.append(self.integrator.finish(state))
        return features
