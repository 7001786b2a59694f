"""Two pairs of interleaved half moons."""

import numpy as np

from pdebridge.datasets.dataset import DataSet, at_least_one
from pdebridge.datasets.split import alternate


def double_moons(*, seed: int = 0, points: int = 8000, jitter: float = 0.15) -> DataSet:
    """Return noisy points on ``(cos, sin)`` (class 0) and ``(1 - cos, 1/2 - sin)`` (class 1), and both moved by (2, 0).

    On each arc the angles are equispaced over half a turn; both coordinates move by a uniform variable on
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
    angle = np.pi * np.arange(points // 4) / (points // 4)
    upper = np.column_stack([np.cos(angle), np.sin(angle)])
    pair = np.concatenate([upper, np.array([1, 0.5]) - upper])
    x = np.concatenate([pair, pair + np.array([2, 0])])
    c = np.repeat(np.array([0, 1, 0, 1]), points // 4)
    return DataSet(*alternate(x + rng.uniform(-jitter, jitter, x.shape), c, rng), None, None, classes=2)
