"""Backpropagation through the plain loop: every state is stored. The truth that other modes are tested against."""

from torch import Tensor

from pdebridge.dynamics.base import Dynamics, Theta
from pdebridge.integrators.base import Integrator
from pdebridge.integrators.march import advance


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
    return integrator.finish(advance(integrator, dynamics, theta, integrator.start(u), steps, h))
