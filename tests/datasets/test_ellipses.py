import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdebridge.datasets.ellipses import ellipses


@given(st.integers(0, 2**32 - 1), st.integers(1, 50), st.integers(1, 50), st.floats(0.1, 3))
def test_class_0_lies_inside_the_unit_ellipse_and_class_1_around_it(seed, train, validation, ratio):
    data = ellipses(seed=seed, train=train, validation=validation, ratio=ratio)
    for x, c, n in ((data.x_train, data.c_train, train), (data.x_validation, data.c_validation, validation)):
        assert x.shape == (2 * n, 2) and x.dtype == np.float64
        assert np.bincount(c).tolist() == [n, n]
        r = np.hypot(x[:, 0], x[:, 1] / ratio)
        assert (r[c == 0] < 1 + 1e-12).all()
        assert (r[c == 1] > 1 - 1e-12).all() and (r[c == 1] < 2 + 1e-12).all()


def test_defaults_are_the_published_ones():
    data = ellipses()
    assert len(data.c_train) == 2000 and len(data.c_validation) == 400
    assert 0.75 < np.abs(data.x_train[:, 1]).max() < 0.8


def test_radius_and_angle_are_uniform():
    data = ellipses(train=50_000)
    x = data.x_train[data.c_train == 1]
    r, phi = np.hypot(x[:, 0], x[:, 1] / 0.4), np.arctan2(x[:, 1] / 0.4, x[:, 0])
    for sample in (r - 1, (phi + np.pi) / (2 * np.pi)):
        # Kolmogorov-Smirnov distance; its 99.9 % quantile is 1.95 / sqrt(n)
        assert np.abs(np.sort(sample) - np.linspace(0, 1, len(sample))).max() < 1.95 / np.sqrt(len(sample))


def test_the_training_points_do_not_depend_on_the_validation_size():
    assert np.array_equal(ellipses(validation=1).x_train, ellipses(validation=7).x_train)
    assert np.array_equal(ellipses(train=1).x_validation, ellipses(train=7).x_validation)


@pytest.mark.parametrize("options", [{"train": 0}, {"validation": 0}, {"ratio": 0}, {"ratio": float("nan")}])
def test_invalid_options_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        ellipses(**options)
