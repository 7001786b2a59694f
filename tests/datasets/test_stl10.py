import numpy as np
from small_files import stl10_files

from pdebridge.datasets import stl10 as module
from pdebridge.datasets.stl10 import read_images, read_labels, stl10


def test_a_small_set_in_the_official_format(mirrored, monkeypatch, tmp_path):
    mirror, source = mirrored(stl10_files())
    monkeypatch.setattr(module, "STL10", source)
    data = stl10(validation=10, scaling="unit", folder=tmp_path / "data", mirror=mirror)
    assert data.x_train.shape == (10, 3, 96, 96)
    assert np.array_equal(np.round(data.x_train[:, 1, 1, 2] * 255).astype(int) % 10, data.c_train)
    assert sorted(data.c_validation) == list(range(10))
    assert np.round(data.x_test[:, 1, 1, 2] * 255).tolist() == data.c_test.tolist() == list(range(10))


def test_columns_come_first_in_the_file(tmp_path):
    raw = np.random.default_rng(0).integers(0, 256, (2, 3, 96, 96), dtype=np.uint8)
    raw.tofile(tmp_path / "X.bin")
    assert read_images(tmp_path / "X.bin")[1, 2, 10, 20] == raw[1, 2, 20, 10]


def test_classes_are_counted_from_1_in_the_file(tmp_path):
    np.array([1, 10], np.uint8).tofile(tmp_path / "y.bin")
    assert read_labels(tmp_path / "y.bin").tolist() == [0, 9]
