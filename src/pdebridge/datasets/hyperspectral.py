"""Pixels of AVIRIS scenes: a reflectance spectrum and the crop or ground cover at that spot."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat

from pdebridge.datasets.dataset import DataSet
from pdebridge.datasets.fetch import File, Source, fetch
from pdebridge.datasets.split import balanced_order, ranges

BASE = "https://www.ehu.eus/ccwintco/uploads/"
INDIAN_PINES = Source(
    (
        File(
            "hyperspectral/Indian_pines_corrected.mat",
            "sha256:ec2f8808710919d566f70f0d4aa885aae1ddfd42b734aba71c5e12ca65450939",
            (BASE + "6/67/Indian_pines_corrected.mat",),
        ),
        File(
            "hyperspectral/Indian_pines_gt.mat",
            "sha256:65c4687a8ab04f6da4789799bc3bc4f6e88bccac3ed6a2e6ae367e5e6b9e429c",
            (BASE + "c/c4/Indian_pines_gt.mat",),
        ),
    )
)
SALINAS_A = Source(
    (
        File(
            "hyperspectral/SalinasA_corrected.mat",
            "sha256:d75684ed3ab71a1024cee0f9db9061f50a3523a92ff5edfbbb1eed976b9f1721",
            (BASE + "1/1a/SalinasA_corrected.mat",),
        ),
        File(
            "hyperspectral/SalinasA_gt.mat",
            "sha256:17814c1d3296c0e29b27f320f2c4174d2a68adb87e376abe78f02923e2c2e454",
            (BASE + "a/aa/SalinasA_gt.mat",),
        ),
    )
)


def indian_pines(
    *,
    seed: int = 0,
    train: int = 4000,
    validation: int = 2000,
    folder: str | Path = "data",
    mirror: str | Path | None = None,
) -> DataSet:
    """Return the 10,249 labelled pixels of Indian Pines: 200 bands, 16 classes; what is left over is the test part.

    4,000 training and 2,000 validation pixels are those of Günther et al. (SIMODS 2, 2020), who kept all 220 bands; the
    scene published as corrected lacks 20 bands in which water absorbs.

    Args:
        seed: Of the division, which keeps the shares of the classes.
        train: Training pixels.
        validation: Validation pixels.
        folder: Where downloads are kept.
        mirror: A folder that is tried before the official address.
    """
    cube, labels = fetch(INDIAN_PINES, folder, mirror)
    return _pixels(read_mat(cube, 3), read_mat(labels, 2), seed, train, validation)


def salinas_a(
    *,
    seed: int = 0,
    train: int = 2000,
    validation: int = 1000,
    folder: str | Path = "data",
    mirror: str | Path | None = None,
) -> DataSet:
    """Return the 5,348 labelled pixels of Salinas A: 204 bands, 6 classes; what is left over is the test part.

    The arguments are those of `indian_pines`.
    """
    cube, labels = fetch(SALINAS_A, folder, mirror)
    return _pixels(read_mat(cube, 3), read_mat(labels, 2), seed, train, validation)


def read_mat(path: Path, axes: int) -> NDArray[Any]:
    """Read the one array of a MATLAB file; raise ``ValueError`` unless there is one and it has so many axes."""
    arrays = [value for key, value in loadmat(path).items() if not key.startswith("__")]
    if len(arrays) != 1 or arrays[0].ndim != axes:
        raise ValueError(f"{path} must hold one array with {axes} axes, not {[array.shape for array in arrays]}")
    return np.asarray(arrays[0])


def _pixels(cube: NDArray[Any], labels: NDArray[Any], seed: int, train: int, validation: int) -> DataSet:
    """Divide the labelled pixels; every band gets mean 0 and deviation 1 over the training pixels."""
    marked = labels > 0
    kinds, c = np.unique(labels[marked], return_inverse=True)
    order = balanced_order(c, np.random.default_rng(seed))
    parts = ranges(len(c), train=train, validation=validation, test=None)
    fit, seen, held = (order[part] for part in parts)
    x = cube[marked].astype(np.float64)
    x = (x - x[fit].mean(axis=0)) / x[fit].std(axis=0)
    return DataSet(x[fit], c[fit], x[seen], c[seen], x[held], c[held], classes=len(kinds))
