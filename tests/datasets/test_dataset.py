import numpy as np
import pytest

from pdebridge.datasets.dataset import DataSet, at_least_one, positive

X, C = np.zeros((3, 2)), np.array([0, 1, 1])


def test_a_set_that_fits_is_accepted_and_frozen():
    data = DataSet(X, C, X[:1], C[:1], X, C, 2)
    with pytest.raises(AttributeError):
        data.classes = 3


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((X, C[:2], X, C, None, None, 2), "train part has features"),
        ((X, C, X[:, :1], C, None, None, 2), "validation part has features"),
        ((X, C, X, C, X, C + 1, 2), "test labels must lie in 0, ..., 1"),
        ((X, C - 1, X, C, None, None, 2), "train labels must lie in"),
        ((X.astype(int), C, X, C, None, None, 2), "needs floating features and int64 labels"),
        ((X, C.astype(np.int32), X, C, None, None, 2), "needs floating features and int64 labels"),
        ((X, C, X, C, X, None, 2), "both be given or both be None"),
        ((X, C, X, C, None, C, 2), "both be given or both be None"),
    ],
)
def test_parts_that_do_not_fit_are_refused(parts, message):
    with pytest.raises(ValueError, match=message):
        DataSet(*parts)


@pytest.mark.parametrize("size", [0, -1, 1.0, True, "1", None])
def test_sizes_are_whole_and_positive(size):
    with pytest.raises(ValueError, match="train must be a whole number of at least 1"):
        at_least_one(train=size)


@pytest.mark.parametrize("number", [0, -1.0, np.inf, np.nan])
def test_positive_numbers(number):
    with pytest.raises(ValueError, match="ratio must be a positive number"):
        positive(ratio=number)
