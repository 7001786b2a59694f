import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdebridge.datasets.double_moons import double_moons

CENTRES = np.array([[0, 0], [1, 0.5], [2, 0], [3, 0.5]])


@given(st.integers(0, 2**32 - 1), st.integers(1, 50).map(lambda m: 8 * m))
def test_every_point_lies_on_a_half_circle_of_its_class(seed, points):
    data = double_moons(seed=seed, points=points, jitter=0)
    x = np.concatenate([data.x_train, data.x_validation])
    c = np.concatenate([data.c_train, data.c_validation])
    away = x[:, None] - CENTRES
    side = np.array([1, -1, 1, -1])
    on = np.isclose(np.hypot(away[..., 0], away[..., 1]), 1) & (side * away[..., 1] >= -1e-12)
    assert (on & (np.arange(4) % 2 == c[:, None])).any(axis=1).all()
    assert np.bincount(c).tolist() == [points // 2] * 2


def test_half_of_the_points_train_and_the_jitter_is_bounded():
    data = double_moons()
    assert data.x_train.shape == data.x_validation.shape == (4000, 2)
    assert -1.15 <= data.x_train[:, 0].min() < -1
    assert 4 < data.x_train[:, 0].max() <= 4.15


@pytest.mark.parametrize("options", [{"points": 0}, {"points": 12}, {"jitter": -1}])
def test_invalid_options_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        double_moons(**options)
