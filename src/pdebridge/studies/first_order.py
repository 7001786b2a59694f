"""Every differential equation of the cube as one of first order, ``s' = f(t, s)``, whose Jacobian tells stability."""

from pdebridge.dynamics.field import Field
from pdebridge.integrators.base import State


def derivative(F: Field, state: State) -> State:
    """Return ``s'`` at the instant of ``F``, ``s`` being ``(u,)``, ``(y, z)`` or, for second order, ``(y, y')``.

    - explicit: ``u' = F(u)``;
    - partitioned and augmented: ``y' = F(z, part=0)``, ``z' = -F(y, part=1)``;
    - second order: ``y' = v``, ``v' = F(y)``;
    - implicit-explicit: ``u' = F(u) + L u``.
    """
    structure = F.dynamics.structure
    if structure == "explicit":
        return (F(state[0]),)
    if structure == "implicit-explicit":
        (L,) = F.functions(state[0], lambda z: z / F.h)
        return (F(state[0]) + L(state[0]),)
    first, second = state
    if structure in ("partitioned", "augmented"):
        return F(second, part=0), -F(first, part=1)
    return second, F(first)
