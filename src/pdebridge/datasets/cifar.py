"""Colour images of 32 x 32 pixels in 10 or 100 classes (Krizhevsky, Learning multiple layers of features, 2009)."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdebridge.datasets.dataset import DataSet
from pdebridge.datasets.fetch import File, Source, fetch
from pdebridge.datasets.images import Pixels, image_set
from pdebridge.errors import UserError

BASE = "https://www.cs.toronto.edu/~kriz/"
CIFAR10 = Source(
    (
        File("cifar-10-batches-py/data_batch_1", "md5:c99cafc152244af753f735de768cd75f"),
        File("cifar-10-batches-py/data_batch_2", "md5:d4bba439e000b95fd0a9bffe97cbabec"),
        File("cifar-10-batches-py/data_batch_3", "md5:54ebc095f3ab1f0389bbae665268c751"),
        File("cifar-10-batches-py/data_batch_4", "md5:634d18415352ddfa80567beed471001a"),
        File("cifar-10-batches-py/data_batch_5", "md5:482c414d41f54cd18b22e5b47cb7c3cb"),
        File("cifar-10-batches-py/test_batch", "md5:40351d587109b95175f43aff81a1287e"),
    ),
    File("cifar-10-python.tar.gz", "md5:c58f30108f718f92721af3d95e74349a", (BASE + "cifar-10-python.tar.gz",)),
)
CIFAR100 = Source(
    (
        File("cifar-100-python/train", "md5:16019d7e3df5f24257cddd939b257f8d"),
        File("cifar-100-python/test", "md5:f0ef6b0ae62326f3e7ffdfab6717acfc"),
    ),
    File("cifar-100-python.tar.gz", "md5:eb9058c3a382ffc7106e4002c42a8d85", (BASE + "cifar-100-python.tar.gz",)),
)

_reconstruct = np.empty(0).__reduce__()[0]
ADMITTED: dict[str, Any] = {
    "numpy.core.multiarray._reconstruct": _reconstruct,
    "numpy._core.multiarray._reconstruct": _reconstruct,
    "numpy.ndarray": np.ndarray,
    "numpy.dtype": np.dtype,
}


class ArrayUnpickler(pickle.Unpickler):
    """An unpickler that builds numpy arrays and Python's own containers, numbers and strings, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """Return what an array is built with; raise ``UnpicklingError`` for everything else."""
        try:
            return ADMITTED[f"{module}.{name}"]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, and only numpy arrays are admitted") from None


def cifar10(
    *,
    seed: int = 0,
    train: int | None = None,
    validation: int = 10_000,
    scaling: str = "standard",
    folder: str | Path = "data",
    mirror: str | Path | None = None,
) -> DataSet:
    """Return CIFAR-10's 50,000 + 10,000 images of shape (3, 32, 32), ten classes.

    The default division 40,000 / 10,000 / 10,000 and scaling are those of Ruthotto & Haber (JMIV 62, 2020).

    Args:
        seed: Of the division into training and validation.
        train: Training images, equally many of each class; all that validation leaves if empty.
        validation: Validation images, equally many of each class.
        scaling: ``standard`` (each image with mean 0 and deviation 1), ``unit`` (levels in [0, 1]) or ``centred``
            (levels less the mean image).
        folder: Where downloads are kept.
        mirror: A folder that is tried before the official address; it holds the archive or the six batches.
    """
    *batches, test = (read_batch(path, b"labels") for path in fetch(CIFAR10, folder, mirror))
    x, c = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    return image_set((x, c), test, classes=10, seed=seed, train=train, validation=validation, scaling=scaling)


def cifar100(
    *,
    seed: int = 0,
    train: int | None = None,
    validation: int = 10_000,
    scaling: str = "standard",
    folder: str | Path = "data",
    mirror: str | Path | None = None,
) -> DataSet:
    """Return CIFAR-100's 50,000 + 10,000 images of shape (3, 32, 32) with their 100 fine classes.

    The arguments and the default division are those of `cifar10`.
    """
    seen, held = (read_batch(path, b"fine_labels") for path in fetch(CIFAR100, folder, mirror))
    return image_set(seen, held, classes=100, seed=seed, train=train, validation=validation, scaling=scaling)


def read_batch(path: Path, labels: bytes) -> tuple[Pixels, NDArray[np.int64]]:
    """Read one pickled batch: images (samples, 3, 32, 32), uint8, and the list that ``labels`` names.

    Raises `UserError` with one line if the pickle holds anything but numpy arrays and Python's own values.
    """
    try:
        with path.open("rb") as file:
            batch = ArrayUnpickler(file, encoding="bytes").load()
        return batch[b"data"].reshape(-1, 3, 32, 32), np.asarray(batch[labels], dtype=np.int64)
    except (pickle.UnpicklingError, EOFError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise UserError(f"{path} is not a CIFAR batch: {error}") from error
