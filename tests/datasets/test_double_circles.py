import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdebridge.datasets.double_circles import double_circles


@given(st.integers(0, 2**32 - 1), st.integers(1, 50).map(lambda m: 8 * m))
def test_classes_alternate_with_the_radius(seed, points):
    data = double_circles(seed=seed, points=points, jitter=0)
    x = np.concatenate([data.x_train, data.x_validation])
    c = np.concatenate([data.c_train, data.c_validation])
    radius = np.hypot(x[:, 0], x[:, 1])
    assert np.allclose(radius, np.round(radius), atol=1e-12)
    assert np.array_equal(c, (np.round(radius) + 1) % 2)
    assert np.bincount(np.round(radius).astype(int))[1:].tolist() == [points // 4] * 4


def test_half_of_the_points_train_and_the_jitter_is_bounded():
    data = double_circles()
    still = double_circles(jitter=0)
    assert data.x_train.shape == data.x_validation.shape == (4000, 2)
    radius = np.hypot(data.x_train[:, 0], data.x_train[:, 1])
    assert np.abs(radius - np.round(radius)).max() > 0.25
    assert 4 < np.abs(data.x_train).max() <= 4.3
    assert np.abs(still.x_train).max() <= 4


@pytest.mark.parametrize("options", [{"points": 0}, {"points": 12}, {"jitter": -1}])
def test_invalid_options_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        double_circles(**options)
