"""Optimal transport with a relaxed target on a grid of the plane: entropic, in the log domain, eps going to zero.

    min_rho  W(rho_0, rho) + lambda KL(rho | rho_1),    W(rho_0, rho) = min_P sum P_ij alpha_1 |x_i - y_j|^2/2,

is one step of the Jordan-Kinderlehrer-Otto scheme and the value of a mean field game without running cost in which
characteristics are straight. Adding ``eps KL(P | rho_0 x rho_1)`` makes it solvable by alternating scaling of two
potentials (Chizat, Peyre, Schmitzer & Vialard, Math. Comp. 87, 2018); the squared distance is a sum over axes, so that
a sweep costs ``O(n^3)`` for ``n^2`` cells. Independent of any network.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pdebridge.meanfield.games import Game
from pdebridge.meshes.grid import Array, Grid

EIGHT_GAUSSIANS = 10.687
"""``J*`` of the game of eight Gaussians, in every dimension, within 0.003; the study `transport_optimum` derives it."""


@dataclass(frozen=True)
class TransportPlan:
    """Costs of an entropic plan, its second marginal and what it says of the game.

    `potential` approximates ``Phi(x, 0)`` up to a constant, `image` ``(n_1, n_2, 2)`` is the mean of ``y`` given ``x``.
    `bound` is the dual value of the same grid without entropy: the value of the discrete problem lies between `bound`
    and `value`.
    """

    epsilon: float
    transport: float
    divergence: float
    bound: float
    density: Array
    potential: Array
    image: Array
    sweeps: int

    @property
    def value(self) -> float:
        """Return ``L + G``."""
        return self.transport + self.divergence


class EntropicTransport:
    """The discrete problem of a game in the plane without running cost.

    Args:
        game: densities and weights; ``alpha_1`` and ``lambda = alpha_3``.
        grid: cells.

    Raises:
        ValueError: the game is not in the plane or has a running cost.
    """

    def __init__(self, game: Game, grid: Grid) -> None:
        if game.d != 2 or game.interactions:
            raise ValueError("entropic transport on a grid needs a game in the plane without interactions")
        self.grid, self.weight = grid, game.alpha.terminal
        axes = [grid.axis(0), grid.axis(1)]
        self.cost = [0.5 * game.alpha.transport * (x[:, None] - x) ** 2 for x in axes]
        with np.errstate(divide="ignore"):
            self.log_rho0 = np.log(grid.discretise(game.initial) * grid.area)
            self.log_rho1 = np.log(grid.discretise(game.target) * grid.area)

    def solve(
        self, epsilons: Sequence[float] = (1.0, 0.3, 0.1, 0.05, 0.03), sweeps: int = 500, tolerance: float = 1e-6
    ) -> list[TransportPlan]:
        """Return a plan for each of the decreasing `epsilons`, each started from the one before.

        Args:
            epsilons: of the entropic term.
            sweeps: at most, for each.
            tolerance: on the change of the first potential in a sweep, relative to ``lambda``.
        """
        g = np.zeros(self.grid.cells)
        plans = []
        for epsilon in epsilons:
            f = self.scale(g, self.log_rho1, epsilon)
            done, step = 0, np.inf
            while done < sweeps and step > tolerance * self.weight:
                g = self.scale(f, self.log_rho0, epsilon) * (self.weight / (self.weight + epsilon))
                before, f = f, self.scale(g, self.log_rho1, epsilon)
                done, step = done + 1, np.abs(f - before).max()
            plans.append(self.plan(f, g, epsilon, done))
        return plans

    def scale(self, potential: Array, log_weights: Array, epsilon: float) -> Array:
        """Return ``-eps log sum_j w_j exp((potential_j - C_ij)/eps)``, one axis after the other."""
        return -epsilon * self._log_sum(log_weights + potential / epsilon, [-C / epsilon for C in self.cost])

    def plan(self, f: Array, g: Array, epsilon: float, sweeps: int) -> TransportPlan:
        """Return costs and fields of the plan ``rho_0 x rho_1 exp((f + g - C)/eps)``."""
        kernels = [-C / epsilon for C in self.cost]
        inner, outer = self.log_rho1 + g / epsilon, self.log_rho0 + f / epsilon
        log_density = inner + self._log_sum(outer, kernels)
        density = np.exp(log_density)
        distances = self._expectation(outer + self._log_sum(inner, kernels), inner, kernels, self.cost)
        image = np.stack([self._mean(inner, kernels, axis) for axis in (0, 1)], axis=-1)
        divergence = float((density * (log_density - self.log_rho1)).sum() - density.sum() + 1)
        return TransportPlan(
            epsilon,
            distances,
            self.weight * divergence,
            self.dual(g),
            density / self.grid.area,
            f,
            image,
            sweeps,
        )

    def dual(self, g: Array) -> float:
        """Return the dual value without entropy of ``g`` and its exact transform ``min_j C_ij - g_j``."""
        inner = (self.cost[0][:, :, None] - g).min(1)
        transform = (self.cost[1][None] + inner[:, None, :]).min(2)
        return float((np.exp(self.log_rho0) * transform).sum()) - self._conjugate(-g)

    def _conjugate(self, h: Array) -> float:
        """Return ``lambda log sum rho_1 exp(h/lambda)``."""
        exponent = self.log_rho1 + h / self.weight
        top = exponent.max()
        return self.weight * float(top + np.log(np.exp(exponent - top).sum()))

    @staticmethod
    def _log_sum(exponent: Array, kernels: list[Array]) -> Array:
        """Return ``log sum_(k,l) exp(exponent_kl + K1_ik + K2_jl)``."""
        return log_sum_exp(log_sum_exp(exponent, kernels[0]).T, kernels[1]).T

    def _expectation(self, log_mass: Array, inner: Array, kernels: list[Array], cost: list[Array]) -> float:
        """Return ``sum P C``: for each ``x`` the mean cost under the plan's conditional, weighted by its mass."""
        total = 0.0
        mass = np.exp(log_mass)
        for axis in (0, 1):
            total += float((mass * self._conditional(inner, kernels, axis, cost[axis])).sum())
        return total

    def _mean(self, inner: Array, kernels: list[Array], axis: int) -> Array:
        coordinate = np.broadcast_to(self.grid.axis(axis), (self.grid.cells[axis],) * 2)
        return self._conditional(inner, kernels, axis, coordinate)

    @staticmethod
    def _conditional(inner: Array, kernels: list[Array], axis: int, values: Array) -> Array:
        """Return the mean of ``values[i, k]`` (i of x, k of y along `axis`) under the conditional of y given x."""
        if axis == 1:
            inner, kernels = inner.T, kernels[::-1]
        other = log_sum_exp(inner.T, kernels[1]).T  # sum over y's other coordinate: (k, j)
        exponent = other.T[None] + kernels[0][:, None]  # (i, j, k)
        exponent = exponent - exponent.max(2, keepdims=True)
        share = np.exp(exponent)
        mean = np.einsum("ijk,ik->ij", share, values) / share.sum(2)
        return mean.T if axis == 1 else mean


def log_sum_exp(exponent: Array, kernel: Array) -> Array:
    """Return ``[i, l] -> log sum_k exp(exponent_kl + kernel_ik)``."""
    terms = exponent.T[None] + kernel[:, None]  # (i, l, k)
    top = terms.max(2)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return np.log(np.exp(terms - top[:, :, None]).sum(2)) + top


def extrapolate(plans: Sequence[TransportPlan]) -> float:
    """Return the value at ``eps = 0`` of the straight line through the last two plans."""
    one, two = plans[-2:]
    return two.value - two.epsilon * (one.value - two.value) / (one.epsilon - two.epsilon)
