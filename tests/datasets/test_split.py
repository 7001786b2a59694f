import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pdebridge.datasets.split import alternate, balanced_order, ranges

labels = arrays(np.int64, st.integers(1, 200), elements=st.integers(0, 6))


@given(labels, st.integers(0, 2**32 - 1))
def test_balanced_order_is_a_permutation_whose_prefixes_keep_the_shares(c, seed):
    order = balanced_order(c, np.random.default_rng(seed))
    assert sorted(order.tolist()) == list(range(len(c)))
    seen = np.cumsum(c[order, None] == np.arange(7), axis=0)
    expected = np.arange(1, len(c) + 1)[:, None] * np.bincount(c, minlength=7) / len(c)
    # each class is at most one sample ahead or behind for each other class that competes for the place
    assert np.abs(seen - expected).max() < 7


@given(st.integers(1, 10), st.integers(1, 20), st.data())
def test_equal_classes_are_divided_equally(classes, each, data):
    c = np.repeat(np.arange(classes), each)
    order = balanced_order(c, np.random.default_rng(data.draw(st.integers(0, 99))))
    m = data.draw(st.integers(0, each))
    assert np.bincount(c[order[: m * classes]], minlength=classes).tolist() == [m] * classes


def test_balanced_order_depends_on_the_seed_alone():
    c = np.arange(100) % 3
    first, again, other = (balanced_order(c, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_ranges_are_consecutive_and_none_takes_the_rest():
    assert ranges(10, test=2, validation=3, train=None) == [slice(0, 2), slice(2, 5), slice(5, 10)]
    assert ranges(10, validation=3, train=4) == [slice(0, 3), slice(3, 7)]


@pytest.mark.parametrize(("train", "validation"), [(None, 10), (8, 3), (0, 5), (None, 0), (-1, 3)])
def test_impossible_divisions_are_refused(train, validation):
    with pytest.raises(ValueError, match="cannot divide 10 samples"):
        ranges(10, validation=validation, train=train)


def test_alternate_deals_every_sample_once():
    x, c = np.arange(9.0)[:, None], np.arange(9)
    x_train, c_train, x_validation, c_validation = alternate(x, c, np.random.default_rng(0))
    assert (len(c_train), len(c_validation)) == (5, 4)
    assert sorted([*c_train, *c_validation]) == list(range(9))
    assert np.array_equal(x_train[:, 0], c_train) and np.array_equal(x_validation[:, 0], c_validation)
