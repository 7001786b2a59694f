"""Evolution equations on a periodic line, integrated to the accuracy that makes them a truth."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.float64]
Modes = NDArray[np.complex128]

CONTOUR = np.exp(1j * np.pi * (np.arange(32) + 0.5) / 16)


@dataclass(frozen=True)
class Equation:
    """``u_t = L u + N(u)`` in Fourier modes ``exp(i k x)``, with coefficients that are known.

    Args:
        symbol: eigenvalues of ``L`` for the wave numbers ``k``.
        flux: ``(u, i k) -> N(u)^``, with ``u`` on the grid; aliasing is removed by the integrator.
        coefficients: of the terms by name, the truth that an identification is to find.
    """

    symbol: Callable[[Grid], Modes | Grid]
    flux: Callable[[Grid, Modes], Modes] | None
    coefficients: dict[str, float]


def advection(u: Grid, ik: Modes) -> Modes:
    """Return the modes of ``-u u_x = -(u^2 / 2)_x``."""
    return -0.5 * ik * np.fft.rfft(u * u)


def kuramoto_sivashinsky() -> Equation:
    """Return ``u_t + u_xx + u_xxxx + u u_x = 0``."""
    return Equation(lambda k: k**2 - k**4, advection, {"u u_x": -1.0, "u_xx": -1.0, "u_xxxx": -1.0})


def scaled_kuramoto_sivashinsky(alpha: float) -> Equation:
    """Return ``u_t + 4 u_xxxx + alpha (u_xx + u u_x) = 0``, where ``u = v_x`` of the form ``v_xx + v_x^2 / 2``.

    ``cos(k x)`` grows at the rate ``alpha k^2 - 4 k^4``: on a period of ``2 pi``, ``u = 0`` loses stability to it at
    ``alpha = 4 k^2``.
    """
    terms = {"u u_x": -alpha, "u_xx": -alpha, "u_xxxx": -4.0}
    return Equation(lambda k: alpha * k**2 - 4 * k**4, lambda u, ik: alpha * advection(u, ik), terms)


def burgers(viscosity: float = 0.1) -> Equation:
    """Return ``u_t + u u_x = viscosity u_xx``."""
    return Equation(lambda k: -viscosity * k**2, advection, {"u u_x": -1.0, "u_xx": viscosity})


def front(diffusion: float = 0.1, rate: float = 1.0) -> Equation:
    """Return ``u_t = diffusion u_xx + rate u (1 - u)``, the equation of Fisher and of Kolmogorov et al."""
    terms = {"u": rate, "u_xx": diffusion, "u u": -rate}
    return Equation(lambda k: rate - diffusion * k**2, lambda u, ik: -rate * np.fft.rfft(u * u), terms)


def heat(diffusion: float = 0.2, velocity: float = 0.5) -> Equation:
    """Return ``u_t = diffusion u_xx - velocity u_x``: heat in a fluid that moves, linear."""
    terms = {"u_x": -velocity, "u_xx": diffusion}
    return Equation(lambda k: -diffusion * k**2 - 1j * velocity * k, None, terms)


def integrate(
    equation: Equation, u: Grid, length: float, interval: float, times: int, steps: int, skip: int = 0
) -> Grid:
    """Return ``u`` at ``times`` instants, ``interval`` apart, after those that are skipped: ``(batch, times, points)``.

    ETDRK4 (Cox & Matthews 2002) with the contour integrals of Kassam & Trefethen (SIAM J. Sci. Comput. 2005); products
    are taken on the grid and the upper third of the modes is kept at zero (Orszag's rule).

    Args:
        equation: what is integrated.
        u: initial values, ``(batch, points)``.
        length: of the period.
        interval: between two instants.
        times: instants that are kept.
        steps: of ETDRK4 between two instants.
        skip: instants before the first one that is kept.
    """
    points = u.shape[1]
    k = np.arange(points // 2 + 1) * (2 * np.pi / length)
    keep = np.arange(len(k)) <= points // 3
    step = etdrk4(equation, k, keep, points, interval / steps)
    v: Modes = np.fft.rfft(u) * keep
    kept = np.empty((len(u), times, points))
    for n in range(skip + times):
        if n >= skip:
            kept[:, n - skip] = np.fft.irfft(v, points)
        for _ in range(steps if n < skip + times - 1 else 0):
            v = step(v)
    return kept


def etdrk4(equation: Equation, k: Grid, keep: NDArray[np.bool_], points: int, h: float) -> Callable[[Modes], Modes]:
    """Return the step of size ``h`` on the modes."""
    z = h * np.asarray(equation.symbol(k), dtype=complex)
    if equation.flux is None:
        decay = np.exp(z)
        return lambda v: decay * v
    flux = equation.flux
    ik: Modes = np.asarray(1j * k, dtype=np.complex128)

    def N(v: Modes) -> Modes:
        modes: Modes = flux(np.fft.irfft(v, points), ik) * keep
        return modes

    r = z[:, None] + CONTOUR
    e, half, er = np.exp(z), np.exp(z / 2), np.exp(r)
    q = h * ((np.exp(r / 2) - 1) / r).mean(1)
    f1 = h * ((-4 - r + er * (4 - 3 * r + r**2)) / r**3).mean(1)
    f2 = h * (2 * (2 + r + er * (r - 2)) / r**3).mean(1)
    f3 = h * ((-4 - 3 * r - r**2 + er * (4 - r)) / r**3).mean(1)

    def step(v: Modes) -> Modes:
        n = N(v)
        a = half * v + q * n
        n_a = N(a)
        n_b = N(half * v + q * n_a)
        n_c = N(half * a + q * (2 * n_b - n))
        after: Modes = e * v + f1 * n + f2 * (n_a + n_b) + f3 * n_c
        return after

    return step


def waves(rng: np.random.Generator, batch: int, points: int, modes: int = 4, size: float = 1.0) -> Grid:
    """Draw ``size sum_k (a_k cos + b_k sin)(k x) / sqrt(modes)``, ``k = 1, ..., modes``, with normal ``a``, ``b``."""
    v = np.zeros((batch, points // 2 + 1), dtype=complex)
    a, b = rng.standard_normal((2, batch, modes))
    v[:, 1 : modes + 1] = (a - 1j * b) * (0.5 * size * points / np.sqrt(modes))
    return np.fft.irfft(v, points)
