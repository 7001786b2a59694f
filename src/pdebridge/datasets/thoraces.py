"""Synthetic computed tomographies of the chest whose affected share of the lungs is known to the voxel.

A model of our own: ellipsoids for body, lungs and heart, ribs and spine, vessels as random trees, and lesions of
ground glass, which are level sets of a smooth random field, so that they have the volume that was asked for.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from pdebridge.datasets.dataset import at_least_one, positive
from pdebridge.datasets.volumes import AFFECTED, LESIONS_OF_LUNGS, Volume, Volumes, divided, window

AIR, LUNG, TISSUE, BONE = -1000.0, -850.0, 40.0, 400.0
LESION, NOISE, SHARE = (-700.0, -300.0), (20.0, 60.0), (0.01, 0.35)
FIELD = 320.0  # millimetres from left to right and from front to back
SLICES = (5.0, 8.0)  # millimetres between slices
CORRELATION = 14.0  # millimetres, of the random field
BORDER = 0.5  # of the field's deviation: from healthy to affected
LEVELS = 6  # of branches of a vessel
Field = NDArray[np.float64]


def thoraces(
    *, seed: int = 0, cases: int = 24, size: int = 48, validation: int = 4, test: int = 8, lesion: float = CORRELATION
) -> Volumes:
    """Return `cases` chests of ``size^3`` voxels with labels 0, lung 1 and lesion 2.

    In-plane spacing is ``320 mm / size``, that of the slices uniform in [5, 8] mm times ``48 / size``. The share of the
    lungs that is affected is uniform in [1, 35] %; healthy lung has -850 HU, a lesion one value of -700 to -300 with
    fuzzy borders, noise a deviation of 20 to 60.

    Args:
        seed: of everything.
        cases: of all parts together.
        size: voxels along each axis.
        validation: cases of validation.
        test: cases of the test; the rest is for training.
        lesion: size of the lesions, the deviation in millimetres of the Gaussian that smoothes the random field.

    Raises:
        ValueError: a number is no whole number of at least 1, the size is below 16, lesions have no positive size, or
            nothing is left for training.
    """
    positive(lesion=lesion)
    at_least_one(cases=cases, size=size, validation=validation, test=test)
    if size < 16:
        raise ValueError(f"size must be at least 16 voxels, below which vessels fill the lungs (found {size})")
    if cases <= validation + test:
        raise ValueError(f"cases must be more than the {validation} + {test} of validation and test (found {cases})")
    streams = np.random.SeedSequence(seed).spawn(cases)
    made = [thorax(np.random.default_rng(stream), size, f"thorax-{i}", lesion) for i, stream in enumerate(streams)]
    return Volumes(divided(made, validation, test), 3, LESIONS_OF_LUNGS, AFFECTED)


@dataclass(frozen=True)
class Grid:
    """Millimetres of every voxel from the middle: slices upwards, rows to the back, columns to the right."""

    size: int
    spacing: tuple[float, ...]

    def axes(self) -> tuple[Field, Field, Field]:
        """Return the coordinates of the three axes, ready to be broadcast."""
        middle = np.arange(self.size) - (self.size - 1) / 2
        z, y, x = np.meshgrid(*(h * middle for h in self.spacing), indexing="ij", sparse=True)
        return z, y, x

    def ellipsoid(self, centre: Field, radii: Field) -> Field:
        """Return ``sum ((x - c) / r)^2``, below 1 inside."""
        squares = [((a - c) / r) ** 2 for a, c, r in zip(self.axes(), centre, radii, strict=True)]
        return squares[0] + squares[1] + squares[2]

    def blurred(self, field: Field, millimetres: float) -> Field:
        """Return a field after a Gaussian of this deviation."""
        smooth: Field = gaussian_filter(field, [millimetres / h for h in self.spacing], mode="nearest")
        return smooth


def thorax(rng: np.random.Generator, size: int, name: str, correlation: float = CORRELATION) -> Volume:
    """Return one chest."""
    grid = Grid(size, (rng.uniform(*SLICES) * 48 / size, FIELD / size, FIELD / size))
    image, lungs, hila = anatomy(grid, rng)
    vessels = sum((tree(grid, hilum, rng) for hilum in hila), np.zeros(lungs.shape))
    image = np.where(lungs, LUNG + (TISSUE - LUNG) * np.minimum(vessels, 1), image)
    degree, lesion = lesions(grid, lungs, rng.uniform(*SHARE), rng, correlation)
    affected = image + degree * np.maximum(rng.uniform(*LESION) - image, 0)  # vessels stay what they are
    scanned = grid.blurred(affected, 0.4 * FIELD / size)
    scanned += rng.normal(0, rng.uniform(*NOISE), scanned.shape)
    mask = lungs.astype(np.uint8) + lesion
    return Volume(name, window(scanned), mask, tuple(round(h, 6) for h in grid.spacing))


def anatomy(grid: Grid, rng: np.random.Generator) -> tuple[Field, NDArray[np.bool_], list[Field]]:
    """Return Hounsfield units without vessels and lesions, the lungs, and where a vessel enters each."""
    z, y, x = grid.axes()
    scale = rng.uniform(0.92, 1.08, 3)
    body = grid.ellipsoid(np.array([0.0, 0, 0]), scale * [260, 105, 145]) < 1
    heart = grid.ellipsoid(np.array([-30.0, -25, 18]) + rng.normal(0, 4, 3), scale * [55, 42, 48]) < 1
    lungs = np.zeros(body.shape, dtype=bool)
    hila = []
    for side in (-1, 1):
        centre = np.array([0.0, 0, side * 68]) + rng.normal(0, 3, 3)
        lungs |= grid.ellipsoid(centre, scale * rng.uniform(0.94, 1.06, 3) * [112, 78, 52]) < 1
        hila.append(centre - [0, 0, side * 36])
    lungs &= body & ~heart
    shell = np.abs(grid.ellipsoid(np.zeros(3), scale * [240, 92, 130]) - 1) < 0.09
    ribs = shell & (np.sin(2 * np.pi * (z + 0.35 * y) / 30 + rng.uniform(0, 2 * np.pi)) > 0.3) & ~lungs
    spine = ((y - 72) ** 2 + x**2 < 19**2) & ~lungs
    image = np.where(ribs | spine, BONE, np.where(body, TISSUE, AIR))
    return image.astype(np.float64), lungs, hila


def tree(grid: Grid, root: Field, rng: np.random.Generator) -> Field:
    """Return how much of every voxel is vessel: a random tree whose branches halve in number of what they carry.

    Of two branches at every end each has 0.8 of the length and, by Murray's law, ``2^(-1/3)`` of the radius.
    """
    filled = np.zeros((grid.size,) * 3)
    ends, length, radius = np.array([root]), 34.0, 4.5
    outwards = np.sign(root[2]) * np.array([[0.0, 0, 1]])
    for _ in range(LEVELS):
        directions = np.repeat(outwards, 2, axis=0) + rng.normal(0, 0.6, (2 * len(outwards), 3))
        outwards = directions / np.linalg.norm(directions, axis=1, keepdims=True)
        starts, along = np.repeat(ends, 2, axis=0), np.linspace(0, length, 24)
        ends = starts + length * outwards
        points = (starts[:, None] + along[:, None] * outwards[:, None]).reshape(-1, 3)
        volume = np.pi * radius**2 * length / len(along)
        index = np.rint(points / grid.spacing + (grid.size - 1) / 2).astype(int)
        index = index[((index >= 0) & (index < grid.size)).all(axis=1)]
        np.add.at(filled, tuple(index.T), volume / np.prod(grid.spacing))
        length, radius = 0.8 * length, radius * 2 ** (-1 / 3)
    return np.minimum(filled, 1)


def lesions(
    grid: Grid, lungs: NDArray[np.bool_], share: float, rng: np.random.Generator, correlation: float = CORRELATION
) -> tuple[Field, NDArray[np.bool_]]:
    """Return how far every voxel is affected, from 0 to 1, and the lesion: exactly this share of the lungs, rounded.

    The lesion is where a smooth random field is above its quantile in the lungs; at its border the degree is 1/2.
    """
    field = grid.blurred(rng.normal(size=lungs.shape), correlation)
    inside = field[lungs]
    count = max(round(share * inside.size), 1)
    level = np.partition(inside, -count)[-count]
    degree = np.clip((field - level) / (BORDER * inside.std()) + 0.5, 0, 1) * lungs
    return degree, (field >= level) & lungs
