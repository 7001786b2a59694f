import io
import os
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from pdebridge.datasets import hyperspectral as module
from pdebridge.datasets.fetch import fetch
from pdebridge.datasets.hyperspectral import INDIAN_PINES, SALINAS_A, indian_pines, read_mat, salinas_a

MIRROR = Path(os.environ.get("PDEBRIDGE_MIRROR", ""))


def mat(**arrays):
    content = io.BytesIO()
    savemat(content, arrays)
    return content.getvalue()


def small_files(source):
    """A scene of 12 x 10 pixels with the labels 0 (none), 3, 7 and 9; the first band tells the label."""
    labels = np.array([0, 3, 7, 9], np.uint8)[np.arange(120).reshape(12, 10) % 4]
    cube = np.random.default_rng(0).integers(0, 5000, (12, 10, 6)).astype(np.int16)
    cube[..., 0] = 10 * labels
    return dict(zip((f.path for f in source.files), (mat(cube=cube), mat(map=labels)), strict=True))


@pytest.mark.parametrize(("function", "name"), [(indian_pines, "INDIAN_PINES"), (salinas_a, "SALINAS_A")])
def test_a_small_scene_in_the_official_format(function, name, mirrored, monkeypatch, tmp_path):
    mirror, source = mirrored(small_files(getattr(module, name)))
    monkeypatch.setattr(module, name, source)
    data = function(train=45, validation=30, folder=tmp_path / "data", mirror=mirror)
    assert data.x_train.shape == (45, 6) and data.x_test.shape == (15, 6)
    assert data.classes == 3
    assert np.bincount(data.c_train).tolist() == [15] * 3
    assert np.allclose(data.x_train.mean(axis=0), 0) and np.allclose(data.x_train.std(axis=0), 1)
    # the labels 3, 7, 9 became 0, 1, 2 and stayed with their spectra
    first = [np.unique(data.x_test[data.c_test == k, 0]) for k in range(3)]
    assert [len(values) for values in first] == [1, 1, 1]
    assert (first[1] - first[0]) / (first[2] - first[1]) == pytest.approx(2)


def test_other_files_are_refused(tmp_path):
    (tmp_path / "two.mat").write_bytes(mat(a=np.zeros((2, 2)), b=np.zeros((2, 2))))
    (tmp_path / "flat.mat").write_bytes(mat(a=np.zeros((2, 2))))
    for name in ("two", "flat"):
        with pytest.raises(ValueError, match="must hold one array with 3 axes"):
            read_mat(tmp_path / f"{name}.mat", 3)


@pytest.mark.skipif(not (MIRROR / SALINAS_A.files[0].path).is_file(), reason="needs a mirror with Salinas A")
def test_the_real_salinas_a(tmp_path):
    data = salinas_a(folder=tmp_path)
    assert (len(data.c_train), len(data.c_validation), len(data.c_test)) == (2000, 1000, 2348)
    assert data.x_train.shape[1] == 204 and data.classes == 6


@pytest.mark.skipif(not (MIRROR / INDIAN_PINES.files[1].path).is_file(), reason="needs a mirror with Indian Pines")
def test_the_real_map_of_indian_pines(tmp_path):
    [path] = fetch(module.Source(INDIAN_PINES.files[1:]), tmp_path)
    counts = [46, 1428, 830, 237, 483, 730, 28, 478, 20, 972, 2455, 593, 205, 1265, 386, 93]
    assert np.bincount(read_mat(path, 2).ravel())[1:].tolist() == counts
