"""Momentum residual networks (Sander, Ablin, Blondel & Peyré, ICML 2021)."""

import math

import torch
from numpy.polynomial import Polynomial
from torch import Tensor

from pdebridge.dynamics.field import AdjointField, Field
from pdebridge.integrators.base import Bounds, Comparison, Integrator, State
from pdebridge.integrators.stability_region import largest_triangle


class Momentum(Integrator):
    """``v_{k+1} = gamma v_k + (1 - gamma) F(t_k, u_k)``, ``u_{k+1} = u_k + h v_{k+1}`` from ``v_0 = 0``.

    The paper's ``h`` is 1: a residual network with a memory of ``1 / (1 - gamma)`` layers; ``gamma = 0`` would be
    forward Euler. Order 1 for a fixed ``gamma``; for ``gamma = 1 - h / epsilon`` a discretisation of
    ``epsilon u'' + u' = F``. Reversible for ``gamma > 0``, whatever ``F`` is; dividing by ``gamma`` magnifies rounding
    by ``gamma^-N`` on the way back.

    Args:
        gamma: in ``(0, 1)``.

    Raises:
        ValueError: ``gamma`` is out of its range.
    """

    structure = "explicit"
    order = 1
    reversible = True

    def __init__(self, gamma: float = 0.9) -> None:
        if not 0 < gamma < 1:
            raise ValueError(f"the momentum gamma lies between 0 and 1, not at {gamma}")
        self.gamma = gamma

    def start(self, u: Tensor) -> State:
        """Return ``(u_0, 0)``."""
        return (u, torch.zeros_like(u))

    def step(self, F: Field, state: State, h: float) -> State:
        """Advance ``(u, v)``, first ``v``."""
        u, v = state
        v = (self.gamma * v).add(F(u), alpha=1 - self.gamma)
        return (u.add(v, alpha=h), v)

    def largest_step(self, eigenvalue: complex) -> float:
        """Return the largest ``h`` for which the triangle of 0, ``h eigenvalue`` and its conjugate is stable.

        The step of ``u' = lambda u`` has the trace ``1 + gamma + (1 - gamma) z`` and the determinant ``gamma``: stable
        in an ellipse, to ``2 (1 + gamma) / (1 - gamma)`` on the negative real axis, nowhere on the imaginary one.
        """
        trace = Polynomial([1 + self.gamma, 1 - self.gamma])
        return largest_triangle(trace, eigenvalue, self.gamma) if eigenvalue else math.inf

    @property
    def entry(self) -> Comparison:
        """Return that velocities start alike."""
        return [[1.0], [0.0]]

    def comparison(self, bounds: Bounds, k: int, h: float) -> Comparison:
        """Return the step with the Lipschitz constant of ``F`` in its place."""
        driven = (1 - self.gamma) * bounds(0.0, 0).lipschitz
        return [[1 + h * driven, h * self.gamma], [driven, self.gamma]]

    def inverse(self, F: Field, state: State, h: float) -> State:
        """Undo the two updates in the opposite order."""
        u, v = state
        u = u.sub(v, alpha=h)
        return (u, v.sub(F(u), alpha=1 - self.gamma) / self.gamma)

    def pullback(self, F: AdjointField, state: State, cotangent: State, h: float) -> tuple[State, State]:
        """Undo both updates and pull the cotangents back with one evaluation."""
        (u, v), (g_u, g_v) = state, cotangent
        u = u.sub(v, alpha=h)
        f, adjoint = F.vjp(u)
        g_v = g_v.add(g_u, alpha=h)
        return (u, v.sub(f, alpha=1 - self.gamma) / self.gamma), (adjoint(g_u, g_v, 1 - self.gamma), self.gamma * g_v)
