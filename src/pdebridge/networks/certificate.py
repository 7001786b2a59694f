"""How large a step the weights of a flow allow: a certificate of stability from power iterations."""

from typing import NamedTuple

from pdebridge.integrators.march import layers
from pdebridge.networks.flow import Flow


class Certificate(NamedTuple):
    """Whether a step of a flow is stable with frozen weights, whatever the state.

    `eigenvalue` bounds those of the Jacobian (``Dynamics.spectrum``), `largest` is the largest stable step there.
    The bound is sufficient, not necessary: a violated certificate does not say that the trajectory grows.
    """

    k: int
    h: float
    eigenvalue: complex
    largest: float

    @property
    def margin(self) -> float:
        """Return ``largest / h``: at least 1 if the step is certified, below 1 if it is violated."""
        return self.largest / self.h

    @property
    def certified(self) -> bool:
        """Return whether the step is within the bound."""
        return self.h <= self.largest


def certify(flow: Flow, pixels: tuple[int, ...] = ()) -> list[Certificate]:
    """Return the certificate of every step of a flow on features of ``(width, *pixels)``.

    Raises:
        ValueError: nothing bounds the spectrum of this family.
    """
    theta = tuple(w.detach() for w in flow.control.sample(flow.steps, (0.0,)))
    found = []
    for k, weights in enumerate(layers(theta, flow.steps)):
        eigenvalue = flow.dynamics.spectrum(tuple(w[0] for w in weights), pixels)
        if eigenvalue is None:
            raise ValueError(
                f"nothing bounds the spectrum of this {type(flow.dynamics).__name__}; certified are antisymmetric, "
                "hamiltonian-pair, hamiltonian, parabolic and second-order flows without batch normalisation, and "
                "linear or implicit stencils without a parameter"
            )
        found.append(Certificate(k, flow.h, eigenvalue, flow.integrator.largest_step(eigenvalue)))
    return found
