"""The public cases' form on files that the test writes: archives, both spellings of names, the pickled division."""

import os
import pickle
from collections import OrderedDict
from zipfile import ZipFile

import nibabel
import numpy as np
import pytest

from pdebridge.datasets import covid_ct as module
from pdebridge.datasets.covid_ct import COVID_CT, covid_ct, identity, read_division
from pdebridge.datasets.fetch import File, Source, checksum_of

NAMES = ["coronacases_001", "coronacases_002", "coronacases_003", "radiopaedia_4_85506_1", "radiopaedia_36_86526_0"]


def volume(values, path):
    nibabel.save(nibabel.Nifti1Image(values, np.diag([2.0, 2.0, 5.0, 1.0])), path)
    return path


def archive(path, arrays, tmp_path):
    """Write an archive of NIfTI files."""
    with ZipFile(path, "w") as content:
        for name, values in arrays.items():
            content.write(volume(values, tmp_path / f"{name}.nii.gz"), f"some folder/{name}.nii.gz")


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """Return a mirror with five small cases of the same form; the last two are cut to 0 to 255 already."""
    shape, lung = (8, 8, 4), np.zeros((8, 8, 4), np.uint8)
    lung[1:3, 2:6, 1:3], lung[5:7, 2:6, 1:3] = 1, 2
    images = {name: np.full(shape, -500, np.int16) for name in NAMES[:3]}
    images |= {name: np.full(shape, 127.5, np.float32) for name in NAMES[3:]}
    infection = np.zeros(shape, np.uint8)
    infection[1, 2:4, 1:3] = 1
    kept = tmp_path / "mirror/covid-ct"
    kept.mkdir(parents=True)
    # as in older listings, images have other names than masks
    archive(kept / "COVID-19-CT-Seg_20cases.zip", {old(name): v for name, v in images.items()}, tmp_path)
    archive(kept / "Lung_Mask.zip", dict.fromkeys(NAMES, lung), tmp_path)
    archive(kept / "Infection_Mask.zip", dict.fromkeys(NAMES, infection), tmp_path)
    folds = [OrderedDict(train=np.array(NAMES[2:]), val=np.array(NAMES[:2]))]
    (kept / "Task1_COVID_datasplit.pkl").write_bytes(pickle.dumps(folds, protocol=3))
    files = [File(f.path, checksum_of(tmp_path / "mirror" / f.path, "sha256:"), ()) for f in COVID_CT.files]
    monkeypatch.setattr(module, "COVID_CT", Source(tuple(files)))
    return tmp_path


def old(name):
    """Return another spelling of a case's name."""
    head, *numbers = name.split("_")
    return f"{head}_org_{'covid-19-pneumonia-' if len(numbers) > 1 else ''}{'-'.join(numbers)}"


def test_a_fold_has_the_published_cases(shelf):
    found = covid_ct(folder=shelf / "data", mirror=shelf / "mirror", spacing=None)
    assert [case.name for case in found.parts["test"]] == ["c-1", "c-2"]
    assert {case.name for part in ("train", "val") for case in found.parts[part]} == {
        "c-3",
        "r-4-85506-1",
        "r-36-86526-0",
    }
    every = [case for cases in found.parts.values() for case in cases]
    assert all(case.image == pytest.approx(0.5) and case.spacing == (5.0, 2.0, 2.0) for case in every)
    # 4 of 32 voxels of both lungs; infection is 2, healthy lung 1, whichever lung
    assert [found.share(case.mask) for case in every] == pytest.approx([12.5] * 5)
    assert all(np.bincount(case.mask.flatten()).tolist() == [224, 28, 4] for case in every)


def test_other_spacing_is_asked_for(shelf):
    (case, *_) = covid_ct(folder=shelf / "data", mirror=shelf / "mirror", spacing=[5.0, 4.0, 4.0]).parts["val"]
    assert case.image.shape == (4, 4, 4) and case.spacing == (5.0, 4.0, 4.0)


@pytest.mark.parametrize(
    ("options", "said"), [({"fold": 5}, "fold must be 0 to 0"), ({"validation": 3}, "validation must be 1 to 2")]
)
def test_what_is_not_there_is_refused(shelf, options, said):
    with pytest.raises(ValueError, match=said):
        covid_ct(folder=shelf / "data", mirror=shelf / "mirror", **options)


def test_a_missing_case_is_named(shelf, monkeypatch):
    archive(shelf / "mirror/covid-ct/Lung_Mask.zip", {NAMES[0]: np.zeros((8, 8, 4), np.uint8)}, shelf)
    path = shelf / "mirror/covid-ct/Lung_Mask.zip"
    files = [
        f if f.path[-13:] != "Lung_Mask.zip" else File(f.path, checksum_of(path, "sha256:"))
        for f in module.COVID_CT.files
    ]
    monkeypatch.setattr(module, "COVID_CT", Source(tuple(files)))
    with pytest.raises(ValueError, match="Lung_Mask.zip: lacks the case c-2; there are: c-1"):
        covid_ct(folder=shelf / "data", mirror=shelf / "mirror")


def test_names_have_one_identity():
    for name in NAMES:
        assert identity(name) == identity(old(name))
    assert len({identity(name) for name in NAMES}) == 5


class Command:
    """What a pickle may ask for."""

    def __reduce__(self):
        return os.system, ("touch /tmp/never",)


@pytest.mark.parametrize("content", [pickle.dumps([Command()]), pickle.dumps([{"train": 1}]), b"", b"no pickle"])
def test_a_pickle_is_read_without_running_what_it_asks(tmp_path, monkeypatch, content):
    monkeypatch.setattr(os, "system", lambda command: pytest.fail("it ran"))
    path = tmp_path / "division.pkl"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="no division into folds of names") as refused:
        read_division(path)
    assert "\n" not in str(refused.value)
