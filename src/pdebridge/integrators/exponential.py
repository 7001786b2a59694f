"""Exponential time differencing (Cox & Matthews, J. Comput. Phys. 176, 2002): the linear part of a step is exact."""

import math

import torch
from torch import Tensor

from pdebridge.dynamics.field import Field, Map
from pdebridge.integrators.base import Integrator, State

POINTS = 32  # on the circle; the error of the mean is below rounding


def on_circle(f: Map) -> Map:
    """Return ``f`` by its mean over the unit circle around each point, which removes the cancellation near zero.

    Kassam & Trefethen, SIAM J. Sci. Comput. 26 (2005), section 3. ``f`` is entire.
    """

    def mean(z: Tensor) -> Tensor:
        angles = (torch.arange(POINTS, dtype=z.real.dtype, device=z.device) + 0.5) * (2 * math.pi / POINTS)
        return f(z.unsqueeze(-1) + torch.polar(torch.ones_like(angles), angles)).mean(-1)

    return mean


def half(f: Map) -> Map:
    """Return ``z -> f(z / 2)``."""
    return lambda z: f(z / 2)


phi1 = on_circle(lambda z: (z.exp() - 1) / z)
phi2 = on_circle(lambda z: (z.exp() - 1 - z) / z**2)
# the weights of the stages of ETDRK4, eq. 26 to 29 of Cox & Matthews
first = on_circle(lambda z: (-4 - z + z.exp() * (4 - 3 * z + z**2)) / z**3)
middle = on_circle(lambda z: 2 * (2 + z + z.exp() * (-2 + z)) / z**3)
last = on_circle(lambda z: (-4 - 3 * z - z**2 + z.exp() * (4 - z)) / z**3)


class Exponential(Integrator):
    """A step of ``u' = F(t, u) + L u`` that is exact for ``F = 0``, so that ``L`` limits no step."""

    structure = "implicit-explicit"

    def largest_step(self, eigenvalue: complex) -> float:
        """Return infinity: modes of ``L`` decay and grow as they should."""
        return math.inf


class ETDRK2(Exponential):
    """``a = e^{hL} u_k + h phi_1 F(u_k)``, ``u_{k+1} = a + h phi_2 (F(a) - F(u_k))``; order 2 (eq. 22).

    ``phi_1 = (e^z - 1) / z`` and ``phi_2 = (e^z - 1 - z) / z^2`` at ``z = h L``.
    """

    order = 2
    stages = 2
    largest_step = Exponential.largest_step
    abscissae = (0.0, 1.0)

    def step(self, F: Field, state: State, h: float) -> State:
        """Advance ``(u,)``."""
        (u,) = state
        e, p1, p2 = F.functions(u, torch.exp, phi1, phi2)
        f = F(u)
        a = e(u).add(p1(f), alpha=h)
        return (a.add(p2(F(a, 1.0) - f), alpha=h),)


class ETDRK4(Exponential):
    """The exponential analogue of RK4, order 4 (eq. 26 to 29)."""

    order = 4
    stages = 4
    largest_step = Exponential.largest_step
    abscissae = (0.0, 0.5, 1.0)

    def step(self, F: Field, state: State, h: float) -> State:
        """Advance ``(u,)``."""
        (u,) = state
        e, e2, p, f1, f2, f3 = F.functions(u, torch.exp, half(torch.exp), half(phi1), first, middle, last)
        n = F(u)
        start, half_step = e2(u), h / 2
        a = start.add(p(n), alpha=half_step)
        n_a = F(a, 0.5)
        b = start.add(p(n_a), alpha=half_step)
        n_b = F(b, 0.5)
        n_c = F(e2(a).add(p(2 * n_b - n), alpha=half_step), 1.0)
        return (e(u).add(f1(n) + f2(n_a + n_b) + f3(n_c), alpha=h),)
