import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pdebridge.datasets.images import image_set, standard, unit

pixels = arrays(np.uint8, st.tuples(st.integers(1, 4), st.just(3), st.integers(2, 6), st.integers(2, 6)))


@given(pixels)
def test_unit_scaling_keeps_every_level(x):
    scaled = unit(x)
    assert scaled.dtype == np.float32 and scaled.shape == x.shape
    assert np.array_equal(np.round(scaled * 255), x)
    assert scaled.min() >= 0 and scaled.max() <= 1


@given(pixels)
def test_standard_images_have_mean_0_and_deviation_1_or_are_constant(x):
    scaled = standard(x).reshape(len(x), -1)
    assert standard(x).dtype == np.float32
    assert np.allclose(scaled.mean(axis=1), 0, atol=1e-4)
    deviation = x.reshape(len(x), -1).std(axis=1)
    floor = 1 / np.sqrt(scaled.shape[1])
    assert np.allclose(scaled.std(axis=1), deviation / np.maximum(deviation, floor), atol=1e-3)


def test_standard_agrees_with_the_formula_in_float64():
    x = np.random.default_rng(0).integers(0, 256, (5, 3, 8, 8), dtype=np.uint8)
    y = x.astype(np.float64)
    axes = (1, 2, 3)
    expected = (y - y.mean(axes, keepdims=True)) / y.std(axes, keepdims=True)
    assert np.abs(standard(x) - expected).max() < 1e-5


def build(train=None, validation=4, scaling="unit", seed=0):
    n = 20
    x = np.arange(n, dtype=np.uint8)[:, None, None, None]
    seen, held = (x, np.arange(n) % 2), (x[:3] + 100, np.array([0, 1, 0]))
    return image_set(seen, held, classes=2, seed=seed, train=train, validation=validation, scaling=scaling)


def test_parts_are_disjoint_balanced_and_labelled_as_published():
    data = build()
    train, validation = (np.round(x.ravel() * 255).astype(int) for x in (data.x_train, data.x_validation))
    assert sorted([*train, *validation]) == list(range(20))
    assert np.array_equal(train % 2, data.c_train) and np.array_equal(validation % 2, data.c_validation)
    assert np.bincount(data.c_validation).tolist() == [2, 2]
    assert np.round(data.x_test.ravel() * 255).tolist() == [100, 101, 102]


def test_a_smaller_training_part_keeps_the_validation_part():
    assert np.array_equal(build(train=6).x_validation, build().x_validation)
    assert np.bincount(build(train=6).c_train).tolist() == [3, 3]


def test_centred_images_have_the_mean_image_of_the_training_part_taken_off():
    data, plain = build(train=6, scaling="centred"), build(train=6)
    mean = plain.x_train.mean(axis=0)
    assert data.x_train.dtype == np.float32
    assert np.abs(data.x_train.mean(axis=0)).max() < 1e-7
    for part in ("x_train", "x_validation", "x_test"):
        assert np.array_equal(getattr(data, part), getattr(plain, part) - mean)


def test_invalid_options_are_refused():
    with pytest.raises(ValueError, match="unknown scaling 'grey'; valid: unit, standard, centred"):
        build(scaling="grey")
    with pytest.raises(ValueError, match="cannot divide 20 samples"):
        build(train=17)
