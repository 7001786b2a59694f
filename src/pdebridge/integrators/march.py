"""Many steps in a row, onwards and back."""

from collections.abc import Iterator

from pdebridge.dynamics.base import Dynamics, Theta
from pdebridge.dynamics.field import Field
from pdebridge.integrators.base import Integrator, State


def layers(theta: Theta, steps: int) -> list[Theta]:
    """Split stacked weights ``(N, S, ...)`` into those of each step, as views.

    Unbinding stacks once in its backward pass, where ``N`` indexings would each fill a tensor of ``N`` layers.
    """
    return list(zip(*(w.unbind(0) for w in theta), strict=True)) if theta else [()] * steps


def fields(
    integrator: Integrator, dynamics: Dynamics, theta: Theta, steps: int, h: float, first: int = 0
) -> Iterator[Field]:
    """Return ``F`` at each of ``steps`` steps, of which the first has the index ``first``."""
    return (Field(dynamics, w, integrator.abscissae, k, h) for k, w in enumerate(layers(theta, steps), first))


def advance(
    integrator: Integrator, dynamics: Dynamics, theta: Theta, state: State, steps: int, h: float, first: int = 0
) -> State:
    """Return the state after ``steps`` steps of size ``h``; ``theta`` holds the weights of these steps only."""
    for F in fields(integrator, dynamics, theta, steps, h, first):
        state = integrator.step(F, state, h)
    return state


def retreat(integrator: Integrator, dynamics: Dynamics, theta: Theta, state: State, steps: int, h: float) -> State:
    """Return the state before ``steps`` steps: the inverse of `advance` for a reversible integrator."""
    for F in reversed(list(fields(integrator, dynamics, theta, steps, h))):
        state = integrator.inverse(F, state, h)
    return state
