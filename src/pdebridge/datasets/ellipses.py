"""Two classes on concentric ellipses in the plane, the data of Figure 1."""

import numpy as np

from pdebridge.datasets.dataset import DataSet, Features, Labels, at_least_one, positive


def ellipses(*, seed: int = 0, train: int = 1000, validation: int = 200, ratio: float = 0.4) -> DataSet:
    """Draw ``x = (r cos(phi), ratio r sin(phi))`` with ``phi`` uniform on (0, 2 pi).

    Class 0 has ``r`` uniform on (0, 1), class 1 on (1, 2): no gap and no overlap. The defaults are those of
    ``setupCircle`` in XtractOpen/Meganet.m (Haber & Ruthotto, Inverse Problems 34, 2017; Ruthotto, SIAM News, 2021).

    Args:
        seed: Of the generator; training and validation points are drawn from independent streams.
        train: Training points of each class.
        validation: Validation points of each class.
        ratio: Of the second to the first semi-axis.
    """
    at_least_one(train=train, validation=validation)
    positive(ratio=ratio)
    streams = np.random.default_rng(seed).spawn(2)
    x_train, c_train = _draw(streams[0], train, ratio)
    x_validation, c_validation = _draw(streams[1], validation, ratio)
    return DataSet(x_train, c_train, x_validation, c_validation, None, None, classes=2)


def _draw(rng: np.random.Generator, n: int, ratio: float) -> tuple[Features, Labels]:
    c = np.repeat(np.arange(2), n)
    r = c + rng.uniform(size=2 * n)
    phi = rng.uniform(0, 2 * np.pi, size=2 * n)
    return np.column_stack([r * np.cos(phi), ratio * r * np.sin(phi)]), c
