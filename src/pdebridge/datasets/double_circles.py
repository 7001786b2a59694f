"""Four concentric rings of two alternating classes."""

import numpy as np

from pdebridge.datasets.dataset import DataSet, at_least_one
from pdebridge.datasets.split import alternate


def double_circles(*, seed: int = 0, points: int = 8000, jitter: float = 0.3) -> DataSet:
    """Return noisy points on circles of radius 1 and 3 (class 0), 2 and 4 (class 1).

    On each circle the angles are equispaced over two turns; both coordinates move by a uniform variable on
    (-jitter, jitter). Half of the shuffled points train, half validate, as in the public code DecodEPFL/HamiltonianNet.

    Args:
        seed: Of the generator.
        points: Of training and validation together, a multiple of 8.
        jitter: Largest displacement of a coordinate.
    """
    at_least_one(points=points)
    if points % 8 or jitter < 0:
        raise ValueError(f"points={points} must be a multiple of 8 and jitter={jitter} must not be negative")
    rng = np.random.default_rng(seed)
    angle = 4 * np.pi * np.arange(points // 4) / (points // 4)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    x = np.concatenate([radius * circle for radius in (1, 2, 3, 4)])
    c = np.repeat(np.array([0, 1, 0, 1]), points // 4)
    return DataSet(*alternate(x + rng.uniform(-jitter, jitter, x.shape), c, rng), None, None, classes=2)
