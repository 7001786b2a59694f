"""Every differential equation of the cube as one of first order, ``s' = f(t, s)``, whose Jacobian tells stability."""

from torch import Tensor

from pdebridge.dynamics.field import Field
from pdebridge.integrators.base import State

EPS = 1e-5


def derivative(F: Field, state: State) -> State:
    """Return ``s'`` at the instant of ``F``, ``s`` being ``(u,)``, ``(y, z)`` or, for second order, ``(y, y')``.

    - explicit: ``u' = F(u)``;
    - partitioned and augmented: ``y' = F(z, part=0)``, ``z' = -F(y, part=1)``;
    - second order: ``y' = v``, ``v' = F(y)``;
    - implicit-explicit: ``u' = F(u, part=0) - A u``, where only ``(I + h A)^{-1}`` is at hand; ``A u`` is replaced by
      ``(u - (I + eps A)^{-1} u) / eps``, which differs from it by ``eps A^2 u`` to first order. Wants float64.
    """
    structure = F.dynamics.structure
    if structure == "explicit":
        return (F(state[0]),)
    if structure == "implicit-explicit":
        return (F(state[0]) - diffusion(F, state[0]),)
    first, second = state
    if structure in ("partitioned", "augmented"):
        return F(second, part=0), -F(first, part=1)
    return second, F(first)


def diffusion(F: Field, u: Tensor) -> Tensor:
    """Return ``A u`` from the resolvent of an implicit-explicit equation, up to ``eps A^2 u``."""
    resolvent = Field(F.dynamics, F.theta, F.abscissae, F.k, EPS)
    return (u - resolvent(u, part=1)) / EPS
