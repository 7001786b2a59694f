"""Handwritten digits of 28 x 28 pixels (LeCun, Cortes & Burges)."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdebridge.datasets.dataset import DataSet
from pdebridge.datasets.fetch import File, Source, fetch
from pdebridge.datasets.images import image_set

BASES = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://yann.lecun.com/exdb/mnist/",
)
CHECKSUMS = {
    "train-images-idx3-ubyte.gz": "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "md5:d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "md5:9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "md5:ec29112dd5afa0611ce80d1b7f02629c",
}
MNIST = Source(
    tuple(File(f"mnist/{name}", checksum, tuple(base + name for base in BASES)) for name, checksum in CHECKSUMS.items())
)
IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def mnist(
    *,
    seed: int = 0,
    train: int | None = None,
    validation: int = 5000,
    scaling: str = "unit",
    folder: str | Path = "data",
    mirror: str | Path | None = None,
) -> DataSet:
    """Return the 60,000 + 10,000 digits as images of shape (1, 28, 28), ten classes.

    The default division 55,000 / 5,000 / 10,000 is that of Li, Chen, Tai & E (JMLR 18, 2018). CC BY-SA 3.0.

    Args:
        seed: Of the division into training and validation.
        train: Training images; all that validation leaves if empty.
        validation: Validation images.
        scaling: ``unit`` (grey levels in [0, 1]), ``standard`` (each image with mean 0 and deviation 1) or ``centred``
            (levels less the mean image).
        folder: Where downloads are kept.
        mirror: A folder that is tried before the official address.
    """
    x, c, x_test, c_test = (read_idx(path) for path in fetch(MNIST, folder, mirror))
    seen, held = (x[:, None], c), (x_test[:, None], c_test)
    return image_set(seen, held, classes=10, seed=seed, train=train, validation=validation, scaling=scaling)


def read_idx(path: Path) -> NDArray[Any]:
    """Read an array in the IDX format: two zero bytes, type, number of axes, their lengths (big-endian), entries.

    Raises ``ValueError`` if the file is not of this format or its length is not the announced one.
    """
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        content = file.read()
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in IDX_TYPES:
        raise ValueError(f"{path} is not an IDX file: it begins with {content[:4].hex(' ')!r}")
    header = 4 + 4 * content[3]
    shape = tuple(np.frombuffer(content[4:header], ">u4").tolist())
    entry = np.dtype(IDX_TYPES[content[2]])
    expected = header + int(np.prod(shape)) * entry.itemsize
    if len(shape) != content[3] or len(content) != expected:
        raise ValueError(f"{path} announces {expected} bytes for the shape {shape} but has {len(content)}")
    return np.frombuffer(content, entry, offset=header).reshape(shape)
