"""Stabilised explicit methods for parabolic equations (van der Houwen & Sommeijer, Z. Angew. Math. Mech. 60, 1980)."""

import math

import numpy as np
from numpy.polynomial.chebyshev import Chebyshev as Polynomial

from pdebridge.integrators.runge_kutta import RungeKutta


class RungeKuttaChebyshev(RungeKutta):
    """``u_{k+1} = P_s(h L) u_k`` for a linear ``L``, with ``P_s(z) = T_s(w_0 + w_1 z) / T_s(w_0)``; order 1.

    ``w_0 = 1 + eps / s^2`` and ``w_1 = T_s(w_0) / T_s'(w_0)``: stable for ``h |lambda| <= (1 + w_0) / w_1 ~ 2 s^2`` on
    the negative real axis, where ``s`` Euler steps reach ``2 s``. Stages follow the recursion of the Chebyshev
    polynomials ``T_j``, here written out as a tableau.

    Args:
        stages: ``s``.
        damping: ``eps``; ``|P_s| <= 1 - eps`` within the interval.
    """

    order = 1
    a: tuple[tuple[float, ...], ...] = ((),)  # type: ignore[misc]
    b: tuple[float, ...] = (1.0,)  # type: ignore[misc]
    c: tuple[float, ...] = (0.0,)  # type: ignore[misc]
    stages: int  # type: ignore[misc]
    real_limit: float  # type: ignore[misc]
    abscissae: tuple[float, ...]  # type: ignore[misc]

    def __init__(self, stages: int, damping: float = 0.05) -> None:
        w_0, w_1 = shifts(stages, damping)
        T = [float(Polynomial.basis(j)(w_0)) for j in range(stages + 1)]
        unit = np.eye(stages)
        rows = [np.zeros(stages), w_1 / w_0 * unit[0]]
        for j in range(2, stages + 1):
            slope = 2 * w_1 * unit[j - 1]
            rows.append(((2 * w_0 * rows[-1] + slope) * T[j - 1] - rows[-2] * T[j - 2]) / T[j])
        self.stages, self.real_limit = stages, (1 + w_0) / w_1
        self.a = tuple(tuple(row[:j].tolist()) for j, row in enumerate(rows[:-1]))
        self.b = tuple(rows[-1].tolist())
        self.c = tuple(float(row.sum()) for row in rows[:-1])


def shifts(stages: int, damping: float) -> tuple[float, float]:
    """Return ``w_0`` and ``w_1``."""
    w_0, T = 1 + damping / stages**2, Polynomial.basis(stages)
    return w_0, float(T(w_0) / T.deriv()(w_0))


def reaching(limit: float, abscissae: tuple[float, ...] = (0.0,)) -> RungeKuttaChebyshev:
    """Return the method of the fewest stages that is stable for ``h |lambda| <= limit`` on the negative real axis.

    Args:
        limit: the largest ``h |lambda|``.
        abscissae: to which the samples of the weights belong.
    """
    stages = max(1, math.floor(math.sqrt(limit / 2)))
    while (method := RungeKuttaChebyshev(stages)).real_limit < limit:
        stages += 1
    method.abscissae = abscissae
    return method
