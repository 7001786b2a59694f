import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pdebridge.datasets.peaks import labelled_grid, peaks, surface


def test_surface_has_the_known_extremes_and_thresholds():
    axis = np.linspace(-3, 3, 256)
    z = surface(*np.meshgrid(axis, axis))
    assert round(z.min(), 2) == -6.55
    assert round(z.max(), 2) == 8.11
    assert np.allclose(np.linspace(z.min(), z.max(), 6)[1:-1], [-3.62, -0.69, 2.24, 5.18], atol=0.01)


def test_surface_at_points_that_can_be_done_by_hand():
    e = np.e
    assert surface(np.array(0.0), np.array(0.0)) == pytest.approx((3 - 1 / 3) / e)
    assert surface(np.array(1.0), np.array(0.0)) == pytest.approx(8 / e - np.exp(-4) / 3)
    assert surface(np.array(0.0), np.array(1.0)) == pytest.approx(3 * np.exp(-4) + 10 / e - np.exp(-2) / 3)


def test_labels_are_equal_intervals_of_the_range():
    x, c = labelled_grid(256, 5)
    z = surface(x[:, 0], x[:, 1])
    assert set(c.tolist()) == {0, 1, 2, 3, 4}
    level = (z - z.min()) / (z.max() - z.min()) * 5
    assert (level >= c - 1e-12).all() and (level <= c + 1 + 1e-12).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.integers(1, 20), st.integers(2, 6))
def test_points_lie_on_the_grid_and_classes_are_balanced(seed, each, validation, classes):
    data = peaks(seed=seed, train=each * classes, validation=validation * classes, classes=classes, grid=64)
    x_grid, c_grid = labelled_grid(64, classes)
    label = {tuple(point): int(k) for point, k in zip(x_grid, c_grid, strict=True)}
    assert np.bincount(data.c_train).tolist() == [each] * classes
    assert np.bincount(data.c_validation).tolist() == [validation] * classes
    assert [label[tuple(point)] for point in data.x_train] == data.c_train.tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train": 12}, "multiples of classes=5"),
        ({"validation": 1}, "multiples of classes=5"),
        ({"grid": 0}, "grid must be"),
        ({"grid": 2}, "take a finer grid"),
    ],
)
def test_invalid_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        peaks(**options)
