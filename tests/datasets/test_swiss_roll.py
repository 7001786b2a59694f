import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdebridge.datasets.swiss_roll import swiss_roll


@given(st.integers(1, 300))
def test_radius_follows_from_the_angle(n):
    data = swiss_roll(n=n)
    x = np.concatenate([data.x_train, data.x_validation])
    c = np.concatenate([data.c_train, data.c_validation])
    assert len(data.c_train) == len(data.c_validation) == 2 * n + 1
    r = np.hypot(x[:, 0], x[:, 1])
    theta = 4 * np.pi * (r - 0.2 * c)
    assert np.allclose(x, np.column_stack([r * np.cos(theta), r * np.sin(theta)]), atol=1e-12)
    for k in (0, 1):
        assert np.allclose(np.sort(r[c == k]), np.linspace(0, 1, 2 * n + 1) + 0.2 * k)


def test_odd_rows_train_and_even_rows_validate():
    data = swiss_roll()
    assert data.x_train.shape == data.x_validation.shape == (513, 2)
    assert np.allclose(data.x_train[0], [0, 0])
    assert np.allclose(np.hypot(*data.x_validation[0]), 1 / 512)
    # 513 points of a spiral: 257 of the first are in odd rows, and the second spiral begins in an even row
    assert np.bincount(data.c_train).tolist() == [257, 256]
    assert np.allclose(data.x_validation[256], [0.2, 0])


def test_n_must_be_positive():
    with pytest.raises(ValueError, match="n must be"):
        swiss_roll(n=0)
