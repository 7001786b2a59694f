"""Chests whose affected share is known to the voxel."""

import numpy as np
import pytest

from pdebridge.datasets.thoraces import Grid, lesions, thoraces
from pdebridge.datasets.volumes import WINDOW, Volume, Volumes, window


@pytest.fixture(scope="module")
def made():
    return thoraces(seed=3, cases=6, size=32, validation=1, test=2)


def test_parts_and_repetition(made):
    again = thoraces(seed=3, cases=6, size=32, validation=1, test=2)
    assert {part: len(cases) for part, cases in made.parts.items()} == {"train": 3, "val": 1, "test": 2}
    for a, b in zip(made.parts["test"], again.parts["test"], strict=True):
        assert np.array_equal(a.image, b.image) and np.array_equal(a.mask, b.mask)
    assert not np.array_equal(made.parts["train"][0].image, thoraces(seed=4, size=32).parts["train"][0].image)


def test_a_lesion_has_the_volume_that_was_asked_for():
    grid, lungs = Grid(20, (8.0, 6.0, 6.0)), np.zeros((20, 20, 20), dtype=bool)
    lungs[4:16, 5:15, 3:17] = True
    for share in (0.01, 0.2, 0.35):
        degree, lesion = lesions(grid, lungs, share, np.random.default_rng(0))
        assert lesion.sum() == round(share * lungs.sum()) and not (lesion & ~lungs).any()
        assert degree[lesion].min() >= 0.5 and degree[~lesion].max() <= 0.5


def test_lesions_of_another_size_have_the_same_share():
    """The surface of a lesion shrinks as its field becomes smoother."""
    cases = [
        thoraces(seed=3, cases=3, size=32, validation=1, test=1, lesion=mm).parts["train"][0] for mm in (14.0, 40.0)
    ]
    masks = [case.mask == 2 for case in cases]
    assert masks[0].sum() == masks[1].sum() > 100
    borders = [sum(int(np.abs(np.diff(mask.astype(int), axis=axis)).sum()) for axis in range(3)) for mask in masks]
    assert borders[1] < 0.8 * borders[0]
    with pytest.raises(ValueError, match="lesion must be a positive number"):
        thoraces(lesion=0)


def test_units_are_those_of_a_scanner(made):
    case = made.parts["train"][0]
    low, high = WINDOW
    hounsfield = low + (high - low) * case.image
    lung = hounsfield[case.mask == 1]
    assert -950 < np.median(lung) < -800
    assert np.median(hounsfield[case.mask == 2]) > np.median(lung) + 60
    assert case.spacing[0] > 7 and case.spacing[1:] == (10.0, 10.0)
    assert 0.01 < made.share(case.mask) / 100 < 0.351


def test_windows_cut():
    assert window(np.array([-2000.0, -1250, -500, 250, 3000])).tolist() == [0, 0, 0.5, 1, 1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"mask": np.zeros((4, 4, 5), np.uint8)}, "not one grid"),
        ({"spacing": (1.0, 1.0)}, "3 axes with spacing"),
        ({"spacing": (1.0, 0.0, 1.0)}, "3 axes with spacing"),
        ({"image": np.full((4, 4, 4), np.nan, np.float32)}, "not finite"),
        ({"image": np.zeros(4, np.float32), "mask": np.zeros(4, np.uint8)}, "not one grid"),
    ],
)
def test_what_is_no_case_is_refused(change, said):
    whole = {"image": np.zeros((4, 4, 4), np.float32), "mask": np.zeros((4, 4, 4), np.uint8), "spacing": (1.0, 1, 1)}
    with pytest.raises(ValueError, match=said):
        Volume("x", **whole | change)


def test_labels_without_a_class_and_empty_parts_are_refused(made):
    case = made.parts["train"][0]
    with pytest.raises(ValueError, match="the label 2, valid: 0, ..., 1"):
        Volumes({"train": [case]}, 2, {}, ("lesion", "lung"))
    with pytest.raises(ValueError, match="val has no case"):
        Volumes({"train": [case], "val": []}, 3, {}, ("lesion", "lung"))
