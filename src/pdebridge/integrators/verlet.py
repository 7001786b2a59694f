"""Verlet steps of a partitioned equation ``y' = F(z, part=0)``, ``z' = -F(y, part=1)``."""

import torch
from torch import Tensor

from pdebridge.dynamics.field import AdjointField, Field
from pdebridge.integrators.base import Bounds, Comparison, Integrator, State


class Verlet(Integrator):
    """``y_{k+1} = y_k + h F(z_k, part=0)``, ``z_{k+1} = z_k - h F(y_{k+1}, part=1)`` (symplectic Euler).

    The features are split into halves ``(y, z)``; the order of the updates is that of Chang et al. (AAAI 2018) and
    Ruthotto & Haber (JMIV 2020). With ``z_k`` read as ``z(t_k - h/2)`` it is the staggered scheme of order 2; as
    a map of ``(y, z)`` at the same time the order is 1. Stable for ``h omega <= 2`` on frequencies ``omega``.
    """

    structure = "partitioned"
    order = 1
    reversible = True
    imaginary_limit = 2.0

    def start(self, u: Tensor) -> State:
        """Split the features into halves."""
        y, z = u.chunk(2, dim=1)
        return (y, z)

    def finish(self, state: State) -> Tensor:
        """Join the halves."""
        return torch.cat(state, dim=1)

    def step(self, F: Field, state: State, h: float) -> State:
        """Advance ``(y, z)``, first ``y``."""
        y, z = state
        y = y.add(F(z, part=0), alpha=h)
        z = z.sub(F(y, part=1), alpha=h)
        return (y, z)

    def inverse(self, F: Field, state: State, h: float) -> State:
        """Undo the two updates in the opposite order."""
        y, z = state
        z = z.add(F(y, part=1), alpha=h)
        y = y.sub(F(z, part=0), alpha=h)
        return (y, z)

    def pullback(self, F: AdjointField, state: State, cotangent: State, h: float) -> tuple[State, State]:
        """Undo both updates and pull the cotangents back with one evaluation each."""
        (y, z), (g_y, g_z) = state, cotangent
        f, adjoint = F.vjp(y, part=1)
        z, g_y = z.add(f, alpha=h), adjoint(g_y, g_z, -h)
        f, adjoint = F.vjp(z, part=0)
        y, g_z = y.sub(f, alpha=h), adjoint(g_z, g_y, h)
        return (y, z), (g_y, g_z)

    @property
    def entry(self) -> Comparison:
        """Return that both halves are parts of the features."""
        return [[1.0, 0.0], [0.0, 1.0]]

    def comparison(self, bounds: Bounds, k: int, h: float) -> Comparison:
        """Return the product of the two shears with the Lipschitz constants of both parts."""
        a, b = (h * bounds(0.0, part).lipschitz for part in (0, 1))
        return [[1.0, a], [b, 1 + a * b]]


class AugmentedVerlet(Integrator):
    """``z_{k+1} = z_k - h F(y_k, part=1)``, ``y_{k+1} = y_k + h F(z_{k+1}, part=0)`` from ``z_0 = 0``.

    ``y`` is all the features and the only result; the order of the updates is that of Haber & Ruthotto (2017),
    where ``z`` lives at half steps. Order 1 for a ``z_0`` at ``t_0``.
    """

    structure = "augmented"
    order = 1
    reversible = True
    imaginary_limit = 2.0

    def start(self, u: Tensor) -> State:
        """Add ``z = 0``."""
        return (u, torch.zeros_like(u))

    def step(self, F: Field, state: State, h: float) -> State:
        """Advance ``(y, z)``, first ``z``."""
        y, z = state
        z = z.sub(F(y, part=1), alpha=h)
        y = y.add(F(z, part=0), alpha=h)
        return (y, z)

    def inverse(self, F: Field, state: State, h: float) -> State:
        """Undo the two updates in the opposite order."""
        y, z = state
        y = y.sub(F(z, part=0), alpha=h)
        z = z.add(F(y, part=1), alpha=h)
        return (y, z)

    def pullback(self, F: AdjointField, state: State, cotangent: State, h: float) -> tuple[State, State]:
        """Undo both updates and pull the cotangents back with one evaluation each."""
        (y, z), (g_y, g_z) = state, cotangent
        f, adjoint = F.vjp(z, part=0)
        y, g_z = y.sub(f, alpha=h), adjoint(g_z, g_y, h)
        f, adjoint = F.vjp(y, part=1)
        z, g_y = z.add(f, alpha=h), adjoint(g_y, g_z, -h)
        return (y, z), (g_y, g_z)

    @property
    def entry(self) -> Comparison:
        """Return that the added halves start alike."""
        return [[1.0], [0.0]]

    def comparison(self, bounds: Bounds, k: int, h: float) -> Comparison:
        """Return the product of the two shears with the Lipschitz constants of both parts."""
        a, b = (h * bounds(0.0, part).lipschitz for part in (0, 1))
        return [[1 + a * b, a], [b, 1.0]]
