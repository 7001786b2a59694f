"""Level bands of the peaks surface, five classes in the plane."""

import numpy as np

from pdebridge.datasets.dataset import DataSet, Features, Labels, at_least_one


def peaks(*, seed: int = 0, train: int = 5000, validation: int = 200, classes: int = 5, grid: int = 256) -> DataSet:
    """Draw grid points of the square [-3, 3]^2, labelled by the height of the peaks surface.

    The range of the surface on the grid is cut into ``classes`` intervals of equal length; of each class equally many
    grid points are drawn with replacement: ``setupPeaks`` in XtractOpen/Meganet.m (Haber & Ruthotto, Inverse Problems
    34, 2017). The default sizes are those of Günther et al. (SIMODS 2, 2020).

    Args:
        seed: Of the generator; training and validation points are drawn from independent streams.
        train: Training points, a multiple of ``classes``.
        validation: Validation points, a multiple of ``classes``.
        classes: Number of classes.
        grid: Grid points in each direction.
    """
    at_least_one(train=train, validation=validation, classes=classes, grid=grid)
    if train % classes or validation % classes:
        raise ValueError(f"train={train} and validation={validation} must be multiples of classes={classes}")
    x, c = labelled_grid(grid, classes)
    if missing := set(range(classes)) - set(c.tolist()):
        raise ValueError(f"a grid of {grid} x {grid} points has none of class {min(missing)}; take a finer grid")
    members = [np.flatnonzero(c == k) for k in range(classes)]
    fit, seen = (
        np.concatenate([rng.choice(points, n // classes) for points in members])
        for rng, n in zip(np.random.default_rng(seed).spawn(2), (train, validation), strict=True)
    )
    return DataSet(x[fit], c[fit], x[seen], c[seen], None, None, classes)


def surface(x: Features, y: Features) -> Features:
    """Return the height of the peaks surface (MATLAB's ``peaks``), three bumps and three dips around the origin."""
    bump = 3 * (1 - x) ** 2 * np.exp(-(x**2) - (y + 1) ** 2)
    dip = 10 * (x / 5 - x**3 - y**5) * np.exp(-(x**2) - y**2)
    return bump - dip - np.exp(-((x + 1) ** 2) - y**2) / 3


def labelled_grid(grid: int, classes: int) -> tuple[Features, Labels]:
    """Return the ``grid^2`` points of the square and the interval of equal length in which the surface lies."""
    axis = np.linspace(-3, 3, grid)
    x, y = np.meshgrid(axis, axis)
    z = surface(x, y).ravel()
    thresholds = np.linspace(z.min(), z.max(), classes + 1)[1:-1]
    return np.column_stack([x.ravel(), y.ravel()]), np.searchsorted(thresholds, z, side="right").astype(np.int64)
