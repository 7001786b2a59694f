"""Colour images of 96 x 96 pixels in ten classes (Coates, Lee & Ng, AISTATS 2011)."""

from pathlib import Path

import numpy as np

from pdebridge.datasets.dataset import DataSet
from pdebridge.datasets.fetch import File, Source, fetch
from pdebridge.datasets.images import Pixels, image_set

STL10 = Source(
    (
        File("stl10_binary/train_X.bin", "md5:918c2871b30a85fa023e0c44e0bee87f"),
        File("stl10_binary/train_y.bin", "md5:5a34089d4802c674881badbb80307741"),
        File("stl10_binary/test_X.bin", "md5:7f263ba9f9e0b06b93213547f721ac82"),
        File("stl10_binary/test_y.bin", "md5:36f9794fa4beb8a2c72628de14fa638e"),
    ),
    File(
        "stl10_binary.tar.gz",
        "md5:91f7769df0f17e558f3565bffb0c7dfb",
        ("http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",),
    ),
)


def stl10(
    *,
    seed: int = 0,
    train: int | None = None,
    validation: int = 1000,
    scaling: str = "standard",
    folder: str | Path = "data",
    mirror: str | Path | None = None,
) -> DataSet:
    """Return STL-10's 5,000 + 8,000 labelled images of shape (3, 96, 96), ten classes.

    The default division 4,000 / 1,000 / 8,000 and scaling are those of Ruthotto & Haber (JMIV 62, 2020), whose runs
    with part of the data take ``train`` = 500, ..., 4,000, equally many of each class.

    Args:
        seed: Of the division into training and validation.
        train: Training images, equally many of each class; all that validation leaves if empty.
        validation: Validation images, equally many of each class.
        scaling: ``standard`` (each image with mean 0 and deviation 1), ``unit`` (levels in [0, 1]) or ``centred``
            (levels less the mean image).
        folder: Where downloads are kept.
        mirror: A folder that is tried before the official address; it holds the archive or the four files.
    """
    x, c, x_test, c_test = fetch(STL10, folder, mirror)
    seen, held = (read_images(x), read_labels(c)), (read_images(x_test), read_labels(c_test))
    return image_set(seen, held, classes=10, seed=seed, train=train, validation=validation, scaling=scaling)


def read_images(path: Path) -> Pixels:
    """Read images (samples, 3, 96, 96); the file holds each channel column by column."""
    return np.fromfile(path, np.uint8).reshape(-1, 3, 96, 96).swapaxes(2, 3)


def read_labels(path: Path) -> Pixels:
    """Read labels; the file counts the classes from 1."""
    return np.fromfile(path, np.uint8) - 1
