"""Fields on staggered meshes: their arithmetic, averages, interpolation, and roots cell by cell."""

from collections.abc import Callable

import numpy as np
from scipy.interpolate import RegularGridInterpolator

from pdebridge.meshes.grid import Array

Slope = Callable[[Array], tuple[Array, Array]]
"""From arguments to values and derivatives, cell by cell."""


class Fields:
    """Staggered or averaged fields ``(m_1, m_2, rho, ...)`` with the arithmetic of vectors."""

    def __init__(self, *parts: Array) -> None:
        self.parts = parts

    def __add__(self, other: "Fields") -> "Fields":
        return Fields(*(a + b for a, b in zip(self.parts, other.parts, strict=True)))

    def __sub__(self, other: "Fields") -> "Fields":
        return Fields(*(a - b for a, b in zip(self.parts, other.parts, strict=True)))

    def __rmul__(self, factor: float) -> "Fields":
        return Fields(*(factor * a for a in self.parts))

    def norm(self) -> float:
        """Return the Euclidean norm."""
        return float(np.sqrt(sum((a**2).sum() for a in self.parts)))


def newton(slope: Slope, u: Array, iterations: int = 8, longest: float = 3.0) -> Array:
    """Find the zeros of increasing functions, cell by cell; `slope` returns values and derivatives.

    Half as many iterations lose the density where a crowd arrives in an empty cell, and the splitting with it.
    """
    for _ in range(iterations):
        value, derivative = slope(u)
        u = np.clip(u - np.clip(value / derivative, -longest, longest), -700.0, 700.0)
    return u


def averaging(n: int, both_ends: bool) -> Array:
    """Return the matrix of means of neighbours of n values with zeros beyond one or both ends."""
    A = 0.5 * (np.eye(n + 1, n) + np.eye(n + 1, n, k=-1))
    return A if both_ends else A[:-1]


def along(A: Array, values: Array, axis: int) -> Array:
    """Multiply by a matrix along an axis."""
    return np.moveaxis(np.tensordot(A, values, (1, axis)), 0, axis)


def resample(values: Array, old: list[Array], new: list[Array]) -> Array:
    """Interpolate linearly from the product of axes to another, constant beyond the ends."""
    inside = [np.clip(n, o[0], o[-1]) for o, n in zip(old, new, strict=True)]
    return RegularGridInterpolator(old, values)(tuple(np.meshgrid(*inside, indexing="ij", sparse=True)))
