"""A block of ``N`` steps: one point of the cube dynamics x integrator x gradient."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from pdebridge.catalogue import INTEGRATORS
from pdebridge.cube import load
from pdebridge.dynamics.base import Dynamics, Theta
from pdebridge.dynamics.control import Control, PiecewiseConstant
from pdebridge.gradients.mode import Mode
from pdebridge.integrators.base import Integrator
from pdebridge.integrators.march import fields

Gradient = Callable[[Integrator, Dynamics, Theta, Tensor, int, float], Tensor]


def reversible_names() -> str:
    """Return the names of the reversible integrators and what they integrate, for a message."""
    steps = {name: load(reference) for name, reference in INTEGRATORS.items()}
    return ", ".join(f"{name} ({step.structure})" for name, step in steps.items() if step.reversible)


class Flow(nn.Module):
    """The numerical flow map ``u(0) -> u(T)`` of ``u' = F(t, u; theta(t))`` in ``N`` steps of ``h = T/N``.

    Args:
        dynamics: the right-hand side ``F``.
        control: its weights ``theta(t)``.
        integrator: the step; its structure must be the dynamics'.
        gradient: how the derivative comes back: a function, an object that is called like one, or a class of such
            objects, of which every flow then has one with the defaults.
        steps: ``N``.
        time: ``T``.

    Raises:
        ValueError: ``N`` or ``T`` is not positive, the integrator does not fit the structure of the dynamics, or the
            gradient does not fit them.
    """

    def __init__(
        self,
        dynamics: Dynamics,
        control: Control,
        integrator: Integrator,
        gradient: Gradient | type[Gradient],
        steps: int,
        time: float,
    ) -> None:
        super().__init__()
        if steps < 1 or not time > 0:
            raise ValueError(f"time increases from 0 to T in one step or more (found T = {time:g}, {steps} steps)")
        if integrator.structure != dynamics.structure:
            raise ValueError(
                f"{type(integrator).__name__} integrates {integrator.structure} dynamics, "
                f"{type(dynamics).__name__} is {dynamics.structure}"
            )
        if getattr(gradient, "reverses", False) and not integrator.reversible:
            raise ValueError(
                f"a reversible gradient recomputes u_k from u_(k+1), and {type(integrator).__name__} has no algebraic "
                f"inverse; integrators that have one: {reversible_names()}"
            )
        self.dynamics, self.control, self.integrator = dynamics, control, integrator
        self.gradient: Gradient = gradient() if isinstance(gradient, type) else gradient
        if isinstance(self.gradient, Mode):
            self.gradient.check(integrator, dynamics)
        self.steps, self.h = steps, time / steps

    def forward(self, u: Tensor, refinement: float = 1) -> Tensor:
        """Return ``u(T)`` for features ``u``, batch first.

        With ``refinement`` r the same control is integrated in ``r N`` steps of ``h/r``, for example r = 1/4 or 16:
        the differential equation that the network stands for, rather than the network. Under autocast the features
        and the updates of a step stay float32; only ``F`` is in low precision.

        Raises:
            ValueError: ``r N`` is not a number of steps.
        """
        steps = round(refinement * self.steps)
        if steps < 1 or abs(steps - refinement * self.steps) > 1e-9 * steps:
            raise ValueError(f"{refinement} times {self.steps} steps is not a whole number of steps")
        theta = self.control.sample(steps, self.integrator.abscissae)
        u = u.float() if u.dtype in (torch.bfloat16, torch.float16) and torch.is_autocast_enabled(u.device.type) else u
        return self.gradient(self.integrator, self.dynamics, theta, u, steps, self.h / refinement)

    def refine(self, steps: int) -> None:
        """Go on with ``steps`` steps to the same ``T`` and the control prolonged: one level of a multilevel training.

        For a control that is smooth in time ``u(T)`` changes by the error of the integrator, ``O(h)`` for forward Euler
        (Haber & Ruthotto 2017). The weights are new parameters, which an optimiser must be shown.

        Raises:
            ValueError: the control is not piecewise constant, so that its weights do not belong to steps.
        """
        if not isinstance(self.control, PiecewiseConstant):
            raise ValueError(f"only a piecewise constant control is prolonged, not {type(self.control).__name__}")
        self.control.prolong(steps)
        self.h *= self.steps / steps
        self.steps = steps

    def trajectory(self, u: Tensor) -> list[Tensor]:
        """Return the features ``u_0, ..., u_N`` of every step."""
        theta = self.control.sample(self.steps, self.integrator.abscissae)
        state = self.integrator.start(u)
        features = [self.integrator.finish(state)]
        for F in fields(self.integrator, self.dynamics, theta, self.steps, self.h):
            state = self.integrator.step(F, state, self.h)
            features.append(self.integrator.finish(state))
        return features
