"""Where the roots of an explicit method are at most one in modulus: how far a triangle of eigenvalues may reach.

A step of ``u' = z u`` with ``h = 1`` multiplies by ``R(z)``, or by a matrix of two rows with the trace ``R(z)`` and a
constant determinant ``0 <= d < 1``. Both roots of ``mu^2 - R mu + d`` are in the closed unit disc where ``|R - d conj
R| <= 1 - d^2`` (Schur; Cohn), for ``d = 0`` where ``|R| <= 1``.
"""

import math

import numpy as np
from numpy.polynomial import Polynomial

ROUNDING = 1e-14


def excess(R: Polynomial, d: float, start: complex, end: complex) -> Polynomial:
    """Return ``|R - d conj R|^2 - (1 - d^2)^2`` of ``t`` on ``z(t) = start + t (end - start)``.

    It is not divided by ``(1 - d^2)^2``: for ``d`` near 1 rounding would have the sign of what is exactly 0.
    """
    c = R(Polynomial([start, end - start])).coef.astype(complex)
    on_line = Polynomial(c - d * np.conj(c))
    squared = on_line * Polynomial(np.conj(on_line.coef))
    return Polynomial(squared.coef.real) - (1 - d * d) ** 2


def along_ray(R: Polynomial, d: float, z: complex) -> float:
    """Return the largest ``t`` for which ``s z`` is stable for all ``0 <= s <= t``."""
    direction = z / abs(z)
    E = excess(R, d, 0.0, direction).coef
    (first,) = np.nonzero(np.abs(E) > ROUNDING)
    if not first.size:
        return math.inf
    if E[first[0]] > 0:
        return 0.0
    roots = Polynomial(E[first[0] :]).roots()
    positive = roots.real[(np.abs(roots.imag) < 1e-9) & (roots.real > 0)]
    return float(positive.min()) / abs(z) if positive.size else math.inf


def below_one(R: Polynomial, d: float, start: complex, end: complex) -> bool:
    """Tell whether a segment is stable, from the values at the extrema of the polynomial."""
    E = excess(R, d, start, end)
    extrema = E.deriv().roots()
    inside = extrema.real[(np.abs(extrema.imag) < 1e-6) & (extrema.real > 0) & (extrema.real < 1)]
    return bool((E(np.array([0.0, 1.0, *inside])) <= ROUNDING).all())


def largest_triangle(R: Polynomial, vertex: complex, d: float = 0.0) -> float:
    """Return the largest ``h`` for which the triangle of 0, ``h vertex`` and its conjugate is stable all over.

    The logarithm of a spectral radius is subharmonic, so the boundary decides, and by symmetry half of it.
    Smaller triangles are parts of larger ones, so bisection finds the largest.
    """
    low, high = 0.0, along_ray(R, d, vertex)
    if vertex.real == 0 or vertex.imag == 0 or below_one(R, d, high * vertex.real, high * vertex):
        return high
    while high - low > 1e-9 * high:
        h = (low + high) / 2
        low, high = (h, high) if below_one(R, d, h * vertex.real, h * vertex) else (low, h)
    return low
