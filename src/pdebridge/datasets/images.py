"""From pixels to features: what all image sets have in common."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdebridge.datasets.dataset import DataSet
from pdebridge.datasets.split import balanced_order, ranges

Pixels = NDArray[np.uint8]
Images = NDArray[np.float32]


def unit(pixels: Pixels) -> Images:
    """Return grey levels in [0, 1], float32."""
    return np.divide(pixels, 255, dtype=np.float32)


def standard(pixels: Pixels) -> Images:
    """Return every image with mean 0 and standard deviation 1 over its ``n`` pixels and channels, float32.

    The deviation is bounded below by ``1 / sqrt(n)``, so that a constant image becomes 0 (Ruthotto & Haber, JMIV
    62, 2020).
    """
    x = pixels.astype(np.float32).reshape(len(pixels), -1)
    x -= x.mean(axis=1, keepdims=True)
    x /= np.maximum(x.std(axis=1, keepdims=True), 1 / np.sqrt(np.float32(x.shape[1])))
    return x.reshape(pixels.shape)


def centred(pixels: Pixels, mean: Images) -> Images:
    """Return grey levels in [0, 1] less the mean image, float32."""
    return unit(pixels) - mean


# by name: a function of the training pixels to the scaling of all
SCALINGS: dict[str, Callable[[Pixels], Callable[[Pixels], Images]]] = {
    "unit": lambda training: unit,
    "standard": lambda training: standard,
    "centred": lambda training: partial(centred, mean=unit(training).mean(axis=0)),
}


def image_set(
    seen: tuple[Pixels, NDArray[Any]],
    held: tuple[Pixels, NDArray[Any]],
    *,
    classes: int,
    seed: int,
    train: int | None,
    validation: int,
    scaling: str,
) -> DataSet:
    """Divide the published training images into training and validation, and scale all.

    Args:
        seen: Published training images of shape (samples, channels, rows, columns) and their labels.
        held: Published test images and labels.
        classes: Number of classes.
        seed: Of the division.
        train: Training images, with the shares of the classes kept; all that validation leaves if empty.
        validation: Validation images, with the shares of the classes kept.
        scaling: ``unit``, ``standard``, or ``centred`` on the mean of the training images.
    """
    if scaling not in SCALINGS:
        raise ValueError(f"unknown scaling {scaling!r}; valid: {', '.join(SCALINGS)}")
    (pixels, labels), (pixels_test, labels_test) = seen, held
    c = labels.astype(np.int64)
    order = balanced_order(c, np.random.default_rng(seed))
    validating, training = (order[part] for part in ranges(len(c), validation=validation, train=train))
    scaled = SCALINGS[scaling](pixels[training])
    return DataSet(
        scaled(pixels[training]),
        c[training],
        scaled(pixels[validating]),
        c[validating],
        scaled(pixels_test),
        labels_test.astype(np.int64),
        classes,
    )
