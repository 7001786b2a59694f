"""A point of the cube by its three names, from which a network makes its flows."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pdebridge.cube import load, target
from pdebridge.dynamics.control import PiecewiseConstant
from pdebridge.networks.flow import Flow


class Point(NamedTuple):
    """Dynamics, integrator and gradient by name, and the options of the dynamics."""

    dynamics: str
    integrator: str
    gradient: str = "stored"
    options: Mapping[str, Any] = {}

    def flow(self, width: int, steps: int, h: float, repeat: bool = False, **options: Any) -> Flow:
        """Return a flow of ``steps`` steps of size ``h`` on ``width`` channels; ``options`` add to those of the point.

        Args:
            width: channels of the features.
            steps: ``N``.
            h: step size.
            repeat: draw the weights of all steps alike.
            options: options of the dynamics.
        """
        chosen = {**self.options, **options}
        if chosen.get("normalisation") == "batch":
            chosen["steps"] = steps
        F = load(target("dynamics", self.dynamics))(width, **chosen)
        integrator, gradient = load(target("integrator", self.integrator))(), load(target("gradient", self.gradient))
        return Flow(F, PiecewiseConstant(F, steps, repeat), integrator, gradient, steps, steps * h)
