import numpy as np
import pytest

from pdebridge.datasets.digits import digits


def test_shapes_levels_and_shares():
    data = digits()
    assert data.x_train.shape == (1197, 1, 8, 8)
    assert data.x_validation.shape == data.x_test.shape == (300, 1, 8, 8)
    assert data.x_train.dtype == np.float32
    assert (data.x_train.min(), data.x_train.max()) == (0, 1)
    assert np.ptp(np.bincount(data.c_test)) <= 2


def test_parts_are_disjoint_and_complete():
    from sklearn.datasets import load_digits

    data = digits(seed=4)
    parts = np.concatenate([data.x_train, data.x_validation, data.x_test]).reshape(1797, 64)
    assert np.array_equal(np.sort(parts * 16, axis=0), np.sort(load_digits().data, axis=0))


def test_part_of_the_training_data_and_impossible_divisions():
    assert len(digits(train=100).c_train) == 100
    with pytest.raises(ValueError, match="cannot divide 1797 samples"):
        digits(train=1500)


def test_flat_digits_are_the_same_pixels():
    images, rows = digits(seed=1), digits(seed=1, flat=True)
    assert rows.x_train.shape == (1197, 64)
    np.testing.assert_array_equal(rows.x_train, images.x_train.reshape(-1, 64))
