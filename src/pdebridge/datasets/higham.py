"""Ten points in the unit square."""

import numpy as np

from pdebridge.datasets.dataset import DataSet

X1 = (0.1, 0.3, 0.1, 0.6, 0.4, 0.6, 0.5, 0.9, 0.4, 0.7)
X2 = (0.1, 0.4, 0.5, 0.9, 0.2, 0.3, 0.6, 0.2, 0.4, 0.6)


def higham(*, seed: int = 0) -> DataSet:
    """Return the ten points of Higham & Higham (SIAM Review 61, 2019): five of class 0, then five of class 1.

    The article has no validation set; validation repeats the training points, so its accuracy is the training accuracy.

    Args:
        seed: Without effect, the set is deterministic.
    """
    x = np.column_stack([X1, X2])
    c = np.repeat(np.arange(2), 5)
    return DataSet(x, c, x, c, None, None, classes=2)
