"""A point of the cube by its three names, from which a network makes its flows."""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from pdebridge.cube import check_options, named
from pdebridge.integrators.base import Integrator
from pdebridge.networks.flow import Flow, Gradient, flow

MakeGradient = Callable[[], Gradient]


def mode_named(name: str, options: Mapping[str, Any] | None = None) -> MakeGradient:
    """Return what makes the gradient mode of one flow: a mode may remember its flow's errors, so none is shared.

    Raises:
        ValueError: the mode has no such option.
    """
    found, options = named("gradient", name), options or {}
    if isinstance(found, type):
        check_options(options, inspect.signature(found).parameters, f"gradient {name!r}")
        return partial(found, **options)
    check_options(options, (), f"gradient {name!r}")
    return lambda: found


def mode_of(gradient: str | MakeGradient) -> Gradient:
    """Return the gradient mode of one flow from its name or from what `mode_named` returned."""
    return (mode_named(gradient) if isinstance(gradient, str) else gradient)()


class Point(NamedTuple):
    """Dynamics, integrator and gradient by name, or the last two as what makes them; options of the dynamics."""

    dynamics: str
    integrator: str | Callable[[], Integrator]
    gradient: str | MakeGradient = "stored"
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
        options = {"width": width, **self.options, **options}
        mode = mode_of(self.gradient)
        step = self.integrator if isinstance(self.integrator, str) else self.integrator()
        return flow(self.dynamics, step, mode, steps=steps, time=steps * h, repeat=repeat, **options)
