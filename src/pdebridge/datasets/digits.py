"""Handwritten digits of 8 x 8 pixels that come with scikit-learn, so that no download is needed."""

import numpy as np

from pdebridge.datasets.dataset import DataSet
from pdebridge.datasets.split import balanced_order, ranges


def digits(
    *, seed: int = 0, train: int | None = None, validation: int = 300, test: int = 300, flat: bool = False
) -> DataSet:
    """Return the 1,797 digits of scikit-learn (the test part of the UCI optical digits), ten classes.

    Images have the shape (1, 8, 8), or (64,) if `flat`, grey levels in [0, 1]. The parts keep the
    shares of the classes.

    Args:
        seed: Of the split.
        train: Training images; all that are left if empty.
        validation: Validation images.
        test: Test images.
        flat: Return rows of pixels, for networks without convolutions.
    """
    from sklearn.datasets import load_digits

    loaded = load_digits()
    pixels = loaded.data if flat else loaded.images[:, None]
    x, c = np.divide(pixels, 16, dtype=np.float32), loaded.target.astype(np.int64)
    order = balanced_order(c, np.random.default_rng(seed))
    held, seen, fit = (order[part] for part in ranges(len(c), test=test, validation=validation, train=train))
    return DataSet(x[fit], c[fit], x[seen], c[seen], x[held], c[held], classes=10)
