"""A block of a neural ODE by its names: the differential equation ``u' = F(t, u; theta)`` on ``[0, 1]``."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pdebridge.cube import load, target
from pdebridge.dynamics.base import Dynamics
from pdebridge.dynamics.control import Constant
from pdebridge.networks.flow import Flow


class NeuralODE(NamedTuple):
    """Integrator and gradient by name with their options, and the number ``N`` of steps or intervals."""

    integrator: str
    gradient: str = "stored"
    steps: int = 1
    integrator_options: Mapping[str, Any] = {}
    gradient_options: Mapping[str, Any] = {}

    def flow(self, dynamics: Dynamics) -> Flow:
        """Return a flow of its own with weights that all steps share (Chen et al., NeurIPS 2018).

        Raises:
            ValueError: a name is unknown, or the three axes do not fit.
        """
        integrator = load(target("integrator", self.integrator))(**self.integrator_options)
        gradient = load(target("gradient", self.gradient))
        if self.gradient_options:
            gradient = gradient(**self.gradient_options)
        return Flow(dynamics, Constant(dynamics), integrator, gradient, self.steps, 1.0)
