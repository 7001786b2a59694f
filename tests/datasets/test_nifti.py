"""NIfTI files that the test writes: axes in any order, units and levels that were cut before, what is refused."""

import nibabel
import numpy as np
import pytest

from pdebridge.datasets.nifti import check, grey, nifti


def write(path, values, affine=(2.0, 3.0, 5.0)):
    """Write ``(x, y, z)`` values with a spacing, or an affine map."""
    path.parent.mkdir(parents=True, exist_ok=True)
    affine = np.diag([*affine, 1.0]) if np.ndim(affine) == 1 else affine
    nibabel.save(nibabel.Nifti1Image(values, affine), path)


@pytest.fixture
def folder(tmp_path):
    """Return a folder of four cases with two labels."""
    for i in range(4):
        image, mask = np.full((6, 5, 4), -1000, np.int16), np.zeros((6, 5, 4), np.uint8)
        image[1:4, 2, 1:3], mask[1:4, 2, 1:3] = -500, 1
        mask[1, 2, 1 : 2 + i % 2] = 2
        write(tmp_path / f"images/case-{i}.nii.gz", image)
        write(tmp_path / f"masks/case-{i}.nii.gz", mask)
    return tmp_path


def test_cases_are_read_whole(folder):
    found = nifti(path=str(folder), seed=1)
    assert {part: len(cases) for part, cases in found.parts.items()} == {"train": 2, "val": 1, "test": 1}
    case = found.parts["train"][0]
    assert case.image.shape == (4, 5, 6) and case.spacing == (5.0, 3.0, 2.0) and found.classes == 3
    assert case.image[1, 2, 1] == 0.5 and case.image[0, 0, 0] == pytest.approx(250 / 1500)
    shares = sorted(found.share(case.mask) for cases in found.parts.values() for case in cases)
    assert shares == pytest.approx([100 / 6, 100 / 6, 200 / 6, 200 / 6])
    names = [[case.name for case in nifti(path=str(folder), seed=seed).parts["train"]] for seed in (1, 1, 2)]
    assert names[0] == names[1] != names[2]


def test_axes_of_any_order_become_the_same_case(folder):
    """The first axis of the second file goes downwards, the second to the left, the third to the front."""
    turned = np.array([[0.0, -2, 0, 10], [0, 0, 3, 0], [-5, 0, 0, 15], [0, 0, 0, 1]])
    plain = nifti(path=str(folder)).parts
    for part in ("images", "masks"):
        for path in (folder / part).iterdir():
            values = np.asarray(nibabel.load(path).dataobj)
            write(path, values.transpose(2, 0, 1)[::-1, ::-1].copy(), turned)
    for one, other in zip(plain["train"], nifti(path=str(folder)).parts["train"], strict=True):
        assert np.array_equal(one.image, other.image) and np.array_equal(one.mask, other.mask)
        assert one.spacing == other.spacing


def test_another_spacing_keeps_the_volumes(folder):
    found = nifti(path=str(folder), spacing=[2.5, 1.5, 1.0])
    case = found.parts["train"][0]
    assert case.image.shape == case.mask.shape == (8, 10, 12) and case.spacing == (2.5, 1.5, 1.0)
    assert found.share(case.mask) in (pytest.approx(100 / 6), pytest.approx(200 / 6))
    with pytest.raises(ValueError, match="spacing must be three positive numbers"):
        nifti(path=str(folder), spacing=[1.0, 1.0])


def test_units_are_told_from_levels():
    assert grey(np.array([-1250, -500, 400])).tolist() == [0, 0.5, 1]
    assert grey(np.array([0, 51, 255])).tolist() == pytest.approx([0, 0.2, 1])
    with pytest.raises(ValueError, match="neither Hounsfield units nor 0 to 255"):
        grey(np.array([0, 1000]))


def break_it(folder, what):
    """Make one of the four cases wrong."""
    mask = folder / "masks/case-2.nii.gz"
    image = np.zeros((6, 5, 4), np.uint8)
    if what == "missing":
        mask.unlink()
    if what == "shape":
        write(mask, np.zeros((6, 5, 3), np.uint8))
    if what == "elsewhere":
        write(mask, image, (2.0, 3.0, 5.5))
    if what == "fraction":
        write(mask, image + np.float32(0.5))
    if what == "label":
        write(mask, image + np.uint8(7))
    if what == "garbage":
        mask.write_bytes(b"no volume")
    if what == "cut":
        mask.write_bytes(mask.read_bytes()[:60])
    if what == "flat":
        write(mask, image[0])


@pytest.mark.parametrize(
    ("what", "said", "at_once"),
    [
        ("missing", r"case-2.nii.gz has no mask: .*masks must hold one of the same name", True),
        ("shape", r"a mask of \(6, 5, 3\) voxels for an image of \(6, 5, 4\)", True),
        ("elsewhere", "the mask lies elsewhere than its image", True),
        ("fraction", "labels must be whole numbers", False),
        ("label", "the mask has the label 7, valid: 0, ..., 2", False),
        ("garbage", "case-2.nii.gz: not a NIfTI file", True),
        ("cut", "case-2.nii.gz: not a NIfTI file", True),
        ("flat", r"not a volume: its shape is \(5, 4\)", True),
    ],
)
def test_what_is_no_case_is_refused_in_one_line(folder, what, said, at_once):
    break_it(folder, what)
    for read in [lambda: nifti(path=str(folder)), *([lambda: check(str(folder))] if at_once else [])]:
        with pytest.raises(ValueError, match=said) as refused:
            read()
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"test": 3}, "4 cases, too few for 1 of validation, 3 of test, and one"),
        ({"fraction": ["tumour", "lung"]}, "'tumour' of 'lung', but there are the structures lung, lesion"),
    ],
)
def test_options_that_do_not_fit_are_refused(folder, options, said):
    with pytest.raises(ValueError, match=said):
        nifti(path=str(folder), **options)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no NIfTI files"):
        check(str(tmp_path))
