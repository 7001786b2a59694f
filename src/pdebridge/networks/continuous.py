"""A block of a neural ODE by its names: the differential equation ``u' = F(t, u; theta)`` on ``[0, 1]``."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pdebridge.cube import named
from pdebridge.dynamics.base import Dynamics
from pdebridge.dynamics.control import Constant
from pdebridge.networks.flow import Flow
from pdebridge.networks.point import MakeGradient, mode_of


class NeuralODE(NamedTuple):
    """Integrator by name with its options, gradient by name or as `mode_named`, and the number ``N`` of steps."""

    integrator: str
    gradient: str | MakeGradient = "stored"
    steps: int = 1
    integrator_options: Mapping[str, Any] = {}

    def flow(self, dynamics: Dynamics) -> Flow:
        """Return a flow of its own with weights that all steps share (Chen et al., NeurIPS 2018).

        Raises:
            ValueError: a name is unknown, or the three axes do not fit.
        """
        integrator = named("integrator", self.integrator)(**self.integrator_options)
        return Flow(dynamics, Constant(dynamics), integrator, mode_of(self.gradient), self.steps, 1.0)
