"""Mean field games whose solution is known, coordinate by coordinate: the truth that solvers are measured by."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import cosh, log, pi, sinh, sqrt
from typing import NamedTuple

import numpy as np
import torch
from scipy.integrate import solve_ivp
from scipy.optimize import brentq
from torch import Tensor

from pdebridge.meanfield.derivatives import Derivatives
from pdebridge.meanfield.gaussians import divergence, terminal_coefficients


class Costs(NamedTuple):
    """The weighted costs of a solution; `value` is their sum."""

    transport: float
    running: float
    terminal: float

    @property
    def value(self) -> float:
        """Return ``L + F + G``."""
        return sum(self)


class QuadraticSolution(ABC):
    """A solution with ``Phi(x, t) = sum_i p x_i^2/2 + q x_i + r`` and Gaussian ``rho``, the same in d coordinates.

    It can stand where a `Potential` can: in `characteristics`, in the objective, in a certificate.
    """

    d: int
    alpha1: float
    mean0: float
    std0: float

    @abstractmethod
    def coefficients(self, t: float) -> tuple[float, float, float]:
        """Return ``p``, ``q`` and ``r`` at time t, for one coordinate."""

    @abstractmethod
    def slopes(self, t: float) -> tuple[float, float, float]:
        """Return ``p'``, ``q'`` and ``r'`` at time t."""

    @abstractmethod
    def moments(self, t: float) -> tuple[float, float]:
        """Return mean and standard deviation of ``rho(t)`` in one coordinate."""

    @abstractmethod
    def costs(self) -> Costs:
        """Return the optimal costs, summed over the coordinates."""

    def __call__(self, x: Tensor, t: float) -> Tensor:
        """Return ``Phi(x, t)``, shape ``(N,)``."""
        p, q, r = self.coefficients(t)
        return (0.5 * p * x.square() + q * x + r).sum(1)

    def derivatives(self, x: Tensor, t: float) -> Derivatives:
        """Return ``grad Phi``, ``dPhi/dt`` and the Laplacian."""
        (p, q, _), (dp, dq, dr) = self.coefficients(t), self.slopes(t)
        dt = (0.5 * dp * x.square() + dq * x + dr).sum(1)
        return Derivatives(p * x + q, dt, torch.full_like(dt, self.d * p))

    def prepare(self) -> Callable[[Tensor, float], Derivatives]:
        """Return `derivatives`."""
        return self.derivatives

    def velocity(self, x: Tensor, t: float) -> Tensor:
        """Return ``-grad Phi / alpha_1``, shape ``(N, d)``."""
        p, q, _ = self.coefficients(t)
        return -(p * x + q) / self.alpha1

    def push_forward(self, x: Tensor, t: float) -> Tensor:
        """Return where the characteristic from ``x`` is at time t: ``m(t) + s(t)/s(0) (x - m(0))``."""
        mean, std = self.moments(t)
        return mean + std / self.std0 * (x - self.mean0)


@dataclass(frozen=True)
class GaussianTransport(QuadraticSolution):
    """``min alpha_1 W_2^2(rho_0, rho)/2 + lambda KL(rho | rho_1)`` between Gaussians with equal coordinates.

    Every characteristic is a straight line of constant speed. With ``A = alpha_1 + lambda/s_1^2``,

        m_T = (alpha_1 m_0 + lambda m_1/s_1^2)/A,   s_T = (alpha_1 s_0 + sqrt(alpha_1^2 s_0^2 + 4 lambda A))/(2A).
    """

    d: int
    mean0: float
    std0: float
    mean1: float
    std1: float
    alpha1: float
    weight: float

    @cached_property
    def final(self) -> tuple[float, float]:
        """Return mean and standard deviation of the optimal ``rho(1)``."""
        A = self.alpha1 + self.weight / self.std1**2
        mean = (self.alpha1 * self.mean0 + self.weight * self.mean1 / self.std1**2) / A
        ahead = self.alpha1 * self.std0
        return mean, (ahead + sqrt(ahead**2 + 4 * self.weight * A)) / (2 * A)

    def coefficients(self, t: float) -> tuple[float, float, float]:
        """Return ``p_1/D``, ``q_1/D`` and ``r_1 - (1-t) q_1^2/(2 alpha_1 D)`` with ``D = 1 + (1-t) p_1/alpha_1``."""
        p1, q1, r1 = terminal_coefficients(*self.final, self.mean1, self.std1, self.weight, self.d)
        D = 1 + (1 - t) * p1 / self.alpha1
        return p1 / D, q1 / D, r1 - (1 - t) * q1**2 / (2 * self.alpha1 * D)

    def slopes(self, t: float) -> tuple[float, float, float]:
        """Return ``p^2/alpha_1``, ``pq/alpha_1`` and ``q^2/(2 alpha_1)``: the Riccati equation without forces."""
        p, q, _ = self.coefficients(t)
        return p**2 / self.alpha1, p * q / self.alpha1, q**2 / (2 * self.alpha1)

    def moments(self, t: float) -> tuple[float, float]:
        """Return mean and standard deviation, both linear in t."""
        mean, std = self.final
        return (1 - t) * self.mean0 + t * mean, (1 - t) * self.std0 + t * std

    def costs(self) -> Costs:
        """Return ``alpha_1 W_2^2/2``, 0 and ``lambda KL``."""
        mean, std = self.final
        transport = 0.5 * self.alpha1 * ((mean - self.mean0) ** 2 + (std - self.std0) ** 2)
        return Costs(self.d * transport, 0.0, self.d * self.weight * divergence(mean, std, self.mean1, self.std1))


@dataclass(frozen=True)
class LinearQuadratic(QuadraticSolution):
    """``F = int k|x - c|^2/2 rho + lambda_E int rho log rho``, terminal ``lambda_G KL``: Gaussian, not straight.

    With one coordinate's mean ``m`` and standard deviation ``s``,

        alpha_1 m'' = k (m - c),            alpha_1 m'(1) + lambda_G (m(1) - m_1)/s_1^2 = 0,
        alpha_1 s'' = k s - lambda_E/s,     alpha_1 s'(1) + lambda_G (s(1)/s_1^2 - 1/s(1)) = 0,

    the first in closed form, the second by shooting on ``s'(0)``; ``Phi`` by its Riccati equation from ``t = 1``.
    """

    d: int
    mean0: float
    std0: float
    mean1: float
    std1: float
    k: float
    center: float
    entropy: float
    alpha1: float
    weight: float
    rtol: float = 1e-11

    def mean(self, t: float) -> tuple[float, float]:
        """Return ``m(t)`` and ``m'(t)``."""
        omega, C, kappa = sqrt(self.k / self.alpha1), self.mean0 - self.center, self.weight / self.std1**2
        if omega == 0:
            slope = -kappa * (self.mean0 - self.mean1) / (self.alpha1 + kappa)
            return self.mean0 + slope * t, slope
        missed = self.center + C * cosh(omega) - self.mean1
        B = -(self.alpha1 * omega * C * sinh(omega) + kappa * missed)
        B /= self.alpha1 * omega * cosh(omega) + kappa * sinh(omega)
        grow, turn = cosh(omega * t), sinh(omega * t)
        return self.center + C * grow + B * turn, omega * (C * turn + B * grow)

    @cached_property
    def std(self) -> Callable[[float], np.ndarray]:
        """Return ``t -> (s, s')`` on [0, 1]: the shot whose end satisfies the transversality condition."""

        def shoot(slope: float) -> Callable[[float], np.ndarray] | None:
            return _integrate(
                lambda t, y: [y[1], (self.k * y[0] - self.entropy / y[0]) / self.alpha1],
                [self.std0, slope],
                (0.0, 1.0),
                self.rtol,
                positive=True,
            )

        def missed(slope: float) -> float:
            shot = shoot(slope)
            if shot is None:
                return -1e6
            s, ds = shot(1.0)
            return float(self.alpha1 * ds + self.weight * (s / self.std1**2 - 1 / s))

        best = shoot(brentq(missed, -10 * self.std0, 10 * (self.std0 + self.std1), xtol=1e-14))
        assert best is not None  # brentq returns a point at which `missed` was evaluated near zero
        return best

    def moments(self, t: float) -> tuple[float, float]:
        """Return ``m(t)`` and ``s(t)``."""
        return self.mean(t)[0], float(self.std(t)[0])

    @cached_property
    def _riccati(self) -> Callable[[float], np.ndarray]:
        end = terminal_coefficients(*self.moments(1.0), self.mean1, self.std1, self.weight, self.d)
        solution = _integrate(lambda t, y: self._slopes(t, *y), end, (1.0, 0.0), self.rtol)
        assert solution is not None  # p, q and r carry no sign condition that could stop the integration
        return solution

    def _slopes(self, t: float, p: float, q: float, r: float) -> tuple[float, float, float]:
        m, s = self.moments(t)
        constant = 1 / self.d - m**2 / (2 * s**2) - log(s) - 0.5 * log(2 * pi)
        return (
            p**2 / self.alpha1 - self.k + self.entropy / s**2,
            p * q / self.alpha1 + self.k * self.center - self.entropy * m / s**2,
            q**2 / (2 * self.alpha1) - 0.5 * self.k * self.center**2 - self.entropy * constant,
        )

    def coefficients(self, t: float) -> tuple[float, float, float]:
        """Return ``p``, ``q`` and ``r``, integrated backward from the terminal condition."""
        p, q, r = self._riccati(t)
        return float(p), float(q), float(r)

    def slopes(self, t: float) -> tuple[float, float, float]:
        """Return the right-hand side of the Riccati equation, for one coordinate.

        p' = p^2/alpha_1 - k + lambda_E/s^2,   q' = pq/alpha_1 + kc - lambda_E m/s^2,
        r' = q^2/(2 alpha_1) - kc^2/2 - lambda_E (1/d - m^2/(2s^2) - log s - log(2 pi)/2).
        """
        return self._slopes(t, *self.coefficients(t))

    def costs(self) -> Costs:
        """Return the costs; L and F by Gauss-Legendre quadrature in time."""
        nodes, weights = np.polynomial.legendre.leggauss(40)
        transport = running = 0.0
        for t, w in zip((nodes + 1) / 2, weights / 2, strict=True):
            (m, dm), (s, ds) = self.mean(t), self.std(t)
            transport += w * 0.5 * self.alpha1 * (dm**2 + ds**2)
            running += w * 0.5 * self.k * ((m - self.center) ** 2 + s**2)
            running -= w * self.entropy * (log(s) + 0.5 * log(2 * pi) + 0.5)
        terminal = self.weight * divergence(*self.moments(1.0), self.mean1, self.std1)
        return Costs(self.d * float(transport), self.d * float(running), self.d * terminal)


def _integrate(
    rates: Callable[[float, np.ndarray], Sequence[float]],
    start: Sequence[float],
    interval: tuple[float, float],
    rtol: float,
    positive: bool = False,
) -> Callable[[float], np.ndarray] | None:
    """Return the solution as a function of time; None if its first component, to stay positive, fell to zero."""

    def collapsed(t: float, y: np.ndarray) -> float:
        return float(y[0]) - 1e-9

    collapsed.terminal = True  # type: ignore[attr-defined]
    events = collapsed if positive else None
    run = solve_ivp(rates, interval, start, "DOP853", dense_output=True, events=events, rtol=rtol, atol=rtol)
    return run.sol if run.status == 0 else None
