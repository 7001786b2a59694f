"""Two interleaved spirals in the plane."""

import numpy as np

from pdebridge.datasets.dataset import DataSet, at_least_one


def swiss_roll(*, seed: int = 0, n: int = 256) -> DataSet:
    """Return points ``r (cos(theta), sin(theta))`` on two spirals of two turns.

    ``theta`` has ``2 n + 1`` equispaced values on [0, 4 pi]; with it ``r`` runs from 0 to 1 in class 0 and from 0.2 to
    1.2 in class 1. Of the two spirals one after the other, odd rows train and even rows validate: ``setupSwissRoll`` in
    XtractOpen/Meganet.m (Haber & Ruthotto, Inverse Problems 34, 2017).

    Args:
        seed: Without effect, the set is deterministic.
        n: Half the number of intervals of a spiral.
    """
    at_least_one(n=n)
    theta = np.linspace(0, 4 * np.pi, 2 * n + 1)
    direction = np.column_stack([np.cos(theta), np.sin(theta)])
    r = np.linspace(0, 1, 2 * n + 1)[:, None]
    x = np.concatenate([r * direction, (r + 0.2) * direction])
    c = np.repeat(np.arange(2), 2 * n + 1)
    return DataSet(x[0::2], c[0::2], x[1::2], c[1::2], None, None, classes=2)
