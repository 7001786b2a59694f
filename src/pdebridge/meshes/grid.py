"""Uniform cells on a rectangle and densities on them."""

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import ndtr

from pdebridge.meanfield.densities import GaussianMixture

Array = np.ndarray
OUTSIDE = 0.005
"""Largest share of a density that a grid may leave out."""
UNRESOLVED = 0.25
"""Largest error of the mass by the midpoint rule; coarse grids are wanted where their error is studied."""


@dataclass(frozen=True)
class Grid:
    """``n_1 x n_2`` cells on ``[low_1, high_1] x [low_2, high_2]``.

    Raises:
        ValueError: an interval is empty or has fewer than two cells.
    """

    low: tuple[float, float]
    high: tuple[float, float]
    cells: tuple[int, int]

    def __post_init__(self) -> None:
        if min(self.cells) < 2 or not all(a < b for a, b in zip(self.low, self.high, strict=True)):
            raise ValueError(f"a grid needs low < high and at least 2 x 2 cells, not {self}")

    @property
    def h(self) -> tuple[float, float]:
        """Return the lengths of a cell's sides."""
        sides = [(b - a) / n for a, b, n in zip(self.low, self.high, self.cells, strict=True)]
        return sides[0], sides[1]

    @property
    def area(self) -> float:
        """Return the area of a cell."""
        return self.h[0] * self.h[1]

    def axis(self, k: int) -> Array:
        """Return the coordinates of the cells' centers along an axis."""
        return self.low[k] + (np.arange(self.cells[k]) + 0.5) * self.h[k]

    def faces(self, k: int) -> Array:
        """Return the coordinates of the interior faces across an axis."""
        return self.low[k] + np.arange(1, self.cells[k]) * self.h[k]

    def centers(self) -> Array:
        """Return the centers ``(n_1 n_2, 2)``, second coordinate fastest."""
        return points(self.axis(0), self.axis(1))

    def discretise(self, density: GaussianMixture) -> Array:
        """Return a density's values at the centers ``(n_1, n_2)``, scaled to mass 1 on the grid.

        Raises:
            ValueError: more than half a per cent of the mass may lie outside, so that scaling would hide the domain; or
                the midpoint rule misses the mass by more than a quarter, so that the cells are too large for it.
        """
        beyond = self.outside(density)
        if beyond > OUTSIDE:
            raise ValueError(
                f"up to {100 * beyond:.2g} % of a density are outside of the grid on {self.low} to {self.high}; "
                f"a wider one is needed"
            )
        in_float64 = deepcopy(density).double()
        with torch.no_grad():
            values = in_float64.log_density(torch.from_numpy(self.centers())).exp().numpy().reshape(self.cells)
        mass = float(values.sum() * self.area)
        if abs(mass - 1) > UNRESOLVED:
            raise ValueError(
                f"cells of {self.h[0]:.3g} x {self.h[1]:.3g} give a density the mass {mass:.3g}; it needs finer"
            )
        return values / mass

    def outside(self, density: GaussianMixture) -> float:
        """Return an upper bound of the mass outside: the marginals' tails, summed over both axes."""
        means, deviations = density.means.double().cpu().numpy(), density.deviations().double().cpu().numpy()
        below, above = ndtr((self.low - means) / deviations), ndtr((means - self.high) / deviations)
        weights = density.log_weights.double().cpu().exp().numpy()
        return float(weights @ (below + above).sum(1))


def points(first: Array, second: Array) -> Array:
    """Return the product of two axes as rows ``(x_1, x_2)``."""
    return np.stack(np.meshgrid(first, second, indexing="ij"), axis=-1).reshape(-1, 2)
