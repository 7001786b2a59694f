"""Controls that are continuous in depth: piecewise linear and B-splines."""

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.interpolate import BSpline as Basis
from torch import Tensor

from pdebridge.dynamics.base import Dynamics, Theta
from pdebridge.dynamics.control import Control


class BSpline(Control):
    """``theta(t) = sum_j theta_j B_j(t / T)`` with the clamped uniform B-splines ``B_j`` of degree ``p`` on ``[0, 1]``.

    ``theta`` has ``p - 1`` continuous derivatives, ``theta(0) = theta_0`` and ``theta(T) = theta_{n-1}``; the ``B_j``
    are non-negative with sum one, so a bound on all ``theta_j`` bounds ``theta`` (de Boor, A Practical Guide to
    Splines, chapter IX; as weights in depth: Günther, Pazner & Qi, 2021). An integrator keeps its order where
    its steps do not straddle the ``n - p`` intervals between knots, or where ``p`` exceeds the order.

    Args:
        dynamics: names, shapes and the initial distribution of the weights.
        coefficients: ``n``, more than ``p``.
        degree: ``p``, at least 1.
        repeat: use one draw for all coefficients, which makes the initial ``theta`` constant.

    Raises:
        ValueError: the degree is less than 1 or there are too few coefficients for it.
    """

    def __init__(self, dynamics: Dynamics, coefficients: int, degree: int = 3, repeat: bool = False) -> None:
        if degree < 1 or coefficients <= degree:
            raise ValueError(
                f"a spline control of degree p >= 1 needs more than p coefficients (found p={degree}, {coefficients})"
            )
        super().__init__(dynamics, coefficients, repeat)
        self.degree = degree

    def sample(self, steps: int, abscissae: tuple[float, ...]) -> Theta:
        """Return ``theta`` at the abscissae of every step, ``(steps, S, ...)``."""
        times = tuple((k + c) / steps for k in range(steps) for c in abscissae)
        theta = self.coefficients
        if not theta:
            return ()
        basis = torch.as_tensor(design(len(theta[0]), self.degree, times)).to(theta[0])
        return tuple(combine(basis, w).unflatten(0, (steps, len(abscissae))) for w in theta)

    def quadrature(self, time: float, derivative: bool = False) -> tuple[list[Tensor], Tensor | float]:
        """Return values or slopes at the ``p + 1`` nodes of Gauss and Legendre between any two knots."""
        theta = self.coefficients
        if not theta:
            return [], time
        times, weights = gauss(len(theta[0]) - self.degree, self.degree + 1)
        basis = torch.as_tensor(design(len(theta[0]), self.degree, times, derivative)).to(theta[0])
        basis = basis / time if derivative else basis
        return [combine(basis, w) for w in theta], time * basis.new_tensor(weights)


class PiecewiseLinear(BSpline):
    """``theta(t)`` linear between ``n`` equidistant values: the B-spline of degree 1.

    Args:
        dynamics: names, shapes and the initial distribution of the weights.
        coefficients: ``n >= 2``, the values at ``t = j T / (n - 1)``.
        repeat: use one draw for all of them.
    """

    def __init__(self, dynamics: Dynamics, coefficients: int, repeat: bool = False) -> None:
        super().__init__(dynamics, coefficients, 1, repeat)


def combine(basis: Tensor, w: Tensor) -> Tensor:
    """Return ``sum_j basis[:, j] w[j]``."""
    return (basis @ w.flatten(1)).unflatten(1, w.shape[1:]) if w.ndim > 1 else basis @ w


def gauss(intervals: int, nodes: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the composite rule of Gauss and Legendre on equal intervals of ``[0, 1]``, exact to degree ``2 n - 1``."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    times = (np.arange(intervals)[:, None] + (x + 1) / 2) / intervals
    return tuple(times.ravel().tolist()), tuple(np.tile(w / (2 * intervals), intervals).tolist())


@lru_cache(maxsize=64)
def design(coefficients: int, degree: int, times: tuple[float, ...], derivative: bool = False) -> NDArray[np.float64]:
    """Return ``B_j(t)``, or ``B_j'(t)``, one row a time in ``[0, 1]``, one column a coefficient."""
    inner = np.linspace(0.0, 1.0, coefficients - degree + 1)
    knots = np.concatenate([np.zeros(degree), inner, np.ones(degree)])
    if derivative:
        return np.asarray(Basis(knots, np.eye(coefficients), degree)(np.array(times), nu=1))
    return Basis.design_matrix(np.array(times).clip(0.0, 1.0), knots, degree).toarray()
