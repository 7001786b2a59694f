import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from pdebridge.datasets import mnist as module
from pdebridge.datasets.mnist import CHECKSUMS, IDX_TYPES, mnist, read_idx

CODES = {np.dtype(name).newbyteorder("="): code for code, name in IDX_TYPES.items()}


def idx(array):
    """The bytes of an array in the IDX format."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, CODES[array.dtype], array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


@given(st.sampled_from(sorted(CODES, key=str)).flatmap(lambda t: arrays(t, array_shapes(min_dims=1, max_dims=4))))
def test_every_type_and_shape_is_read(tmp_path_factory, array):
    path = tmp_path_factory.mktemp("idx") / "array"
    path.write_bytes(idx(array))
    read = read_idx(path)
    assert read.shape == array.shape
    assert np.array_equal(read, array, equal_nan=array.dtype.kind == "f")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not an IDX file"),
        (b"\x1f\x8b\x08\x00", "is not an IDX file"),
        (b"\0\0\x07\x01\0\0\0\x01\0", "is not an IDX file"),
        (idx(np.arange(5, dtype=np.uint8))[:-1], "announces 13 bytes for the shape \\(5,\\) but has 12"),
        (idx(np.arange(5, dtype=np.uint8)) + b"\0", "but has 14"),
        (b"\0\0\x08\x02\0\0\0\x01", "but has 8"),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_idx(tmp_path / "file")


def test_a_small_set_in_the_official_format(mirrored, monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    x, x_test = (rng.integers(0, 256, (n, 28, 28), dtype=np.uint8) for n in (40, 10))
    x[:, 0, 0] = np.arange(40)
    arrays = (x, (np.arange(40) % 10).astype(np.uint8), x_test, np.arange(10, dtype=np.uint8))
    files = {f"mnist/{name}": gzip.compress(idx(a)) for name, a in zip(CHECKSUMS, arrays, strict=True)}
    mirror, source = mirrored(files)
    monkeypatch.setattr(module, "MNIST", source)
    data = mnist(validation=10, folder=tmp_path / "data", mirror=mirror)
    assert data.x_train.shape == (30, 1, 28, 28) and data.x_train.dtype == np.float32
    corner = np.round(data.x_train[:, 0, 0, 0] * 255).astype(int)
    assert np.array_equal(corner % 10, data.c_train)
    assert np.array_equal(np.round(data.x_test[:, 0] * 255), x_test)
    assert data.c_test.tolist() == list(range(10))


@pytest.mark.skipif(
    not (Path(os.environ.get("PDEBRIDGE_MIRROR", "")) / "mnist").is_dir(), reason="needs a mirror with MNIST"
)
def test_the_real_set(tmp_path):
    data = mnist(folder=tmp_path)
    assert data.x_train.shape == (55_000, 1, 28, 28)
    assert data.x_validation.shape == (5_000, 1, 28, 28)
    assert np.bincount(data.c_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert data.x_train.mean() == pytest.approx(0.1307, abs=5e-4)
