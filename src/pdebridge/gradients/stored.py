"""Backpropagation through the plain loop: every state is stored. The truth that other modes are tested against."""

from torch import Tensor

from pdebridge.dynamics.base import Dynamics, Theta
from pdebridge.dynamics.field import Field
from pdebridge.integrators.base import Integrator


def stored(integrator: Integrator, dynamics: Dynamics, theta: Theta, u: Tensor, steps: int, h: float) -> Tensor:
    """Integrate ``steps`` steps of size ``h`` from ``u`` and return the final features.

    Memory ``O(N)`` states and layer graphs, work ``3 N`` evaluations for forward and backward.

    Args:
        integrator: the step.
        dynamics: the right-hand side.
        theta: its weights, each ``(N, S, ...)``.
        u: features, batch first.
        steps: ``N``.
        h: step size.
    """
    # unbind, not indexing: its backward stacks once where N indexings would each fill a tensor of N layers
    layers = zip(*(w.unbind(0) for w in theta), strict=True) if theta else iter([()] * steps)
    state = integrator.start(u)
    for k, layer in enumerate(layers):
        state = integrator.step(Field(dynamics, layer, integrator.abscissae, k, h), state, h)
    return integrator.finish(state)
