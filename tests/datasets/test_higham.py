import numpy as np

from pdebridge.datasets.higham import higham


def test_the_ten_points():
    data = higham()
    assert data.x_train.shape == (10, 2)
    assert data.c_train.tolist() == [0] * 5 + [1] * 5
    assert data.x_train[3].tolist() == [0.6, 0.9]
    assert np.allclose(data.x_train.sum(axis=0), [4.6, 4.2])
    assert np.array_equal(data.x_train, data.x_validation)
