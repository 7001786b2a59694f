"""Twenty computed tomographies of the chest with lungs and infection marked by hand, and their published division.

Ma et al. (2020), Zenodo 3757476, and Ma et al., Towards efficient COVID-19 CT annotation, arXiv:2004.12537. The licence
is contradictory: CC BY 4.0 in listings, CC BY-NC-SA in the authors' README; nothing of it is part of this package.
"""

import pickle
import re
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np

from pdebridge.datasets.fetch import File, Source, fetch
from pdebridge.datasets.nifti import case, named_files, opened
from pdebridge.datasets.volumes import AFFECTED, LESIONS_OF_LUNGS, Volume, Volumes

ZENODO = "https://zenodo.org/records/3757476/files/"
BENCHMARK = "https://raw.githubusercontent.com/JunMa11/COVID-19-CT-Seg-Benchmark/b87e0544c08f3dff3513fc488d0624b372fecc1d/Task1/"
CHECKSUMS = {
    "COVID-19-CT-Seg_20cases.zip": "a5060480eff9315b069b086312dac4872777901fb80d268a5a83edd9f4e7b440",
    "Lung_Mask.zip": "f060b0d0299939a6d95ddefdbfa281de1a779c4d230a5adbd32414711d6d8187",
    "Infection_Mask.zip": "87901c73fdd2230260e61d2dbc57bf56026efc28264006b8ea2bf411453c1694",
    "Task1_COVID_datasplit.pkl": "b73988c2c1aee6935f58b101eeebc41a2507a62331af56bcc134a1cae9a7edd9",
}
COVID_CT = Source(
    tuple(
        File(f"covid-ct/{name}", f"sha256:{checksum}", ((BENCHMARK if name.endswith("pkl") else ZENODO) + name,))
        for name, checksum in CHECKSUMS.items()
    )
)
HARMLESS: dict[str, Any] = {
    "collections.OrderedDict": OrderedDict,
    "numpy.ndarray": np.ndarray,
    "numpy.dtype": np.dtype,
    "numpy.core.multiarray._reconstruct": np.empty(0).__reduce__()[0],
}
"""All that a list of dictionaries of arrays of names is made of."""


def covid_ct(
    *,
    seed: int = 0,
    fold: int = 0,
    validation: int = 1,
    spacing: Sequence[float] | None = (5.0, 2.0, 2.0),
    folder: str | Path = "data",
    mirror: str | Path | None = None,
) -> Volumes:
    """Return a fold of the benchmark's first task: 4 cases for training and validation, 16 for the test.

    Labels are 0, healthy lung 1 and infection 2.

    Args:
        seed: of which training cases are for validation.
        fold: 0 to 4.
        validation: training cases that are for validation; the source has none.
        spacing: millimetres along slices, rows and columns to which all cases are brought; their own if none.
        folder: where downloads are kept.
        mirror: a folder that is tried before the official address.

    Raises:
        ValueError: the fold or the number of cases is out of its range, or files lack a case.
    """
    *archives, division = fetch(COVID_CT, folder, mirror)
    folds = read_division(division)
    if not 0 <= fold < len(folds):
        raise ValueError(f"fold must be 0 to {len(folds) - 1} (found {fold})")
    names = {part: folds[fold][key] for part, key in (("train", "train"), ("test", "val"))}
    if not 1 <= validation < len(names["train"]):
        raise ValueError(
            f"validation must be 1 to {len(names['train']) - 1} of the training cases (found {validation})"
        )
    kept = np.random.default_rng(seed).permutation(names["train"]).tolist()
    divided = {"train": kept[validation:], "val": kept[:validation], "test": names["test"]}
    made = read_cases(archives, {identity(name) for part in divided.values() for name in part}, spacing)
    parts = {part: [made[identity(name)] for name in found] for part, found in divided.items()}
    return Volumes(parts, 3, LESIONS_OF_LUNGS, AFFECTED)


def read_cases(archives: Sequence[Path], wanted: set[str], spacing: Sequence[float] | None) -> dict[str, Volume]:
    """Return cases by their `identity` from the archives of images, of lungs and of infections."""
    with TemporaryDirectory(prefix="covid-ct-") as temporary:
        images, lungs, infections = (unpacked(path, Path(temporary) / path.stem) for path in archives)
        for path, found in zip(archives, (images, lungs, infections), strict=True):
            if missing := sorted(wanted - set(found)):
                raise ValueError(f"{path}: lacks the case {missing[0]}; there are: {', '.join(sorted(found))}")
        return {name: scan(name, images[name], lungs[name], infections[name], spacing) for name in sorted(wanted)}


def scan(name: str, image: Path, lung: Path, infection: Path, spacing: Sequence[float] | None) -> Volume:
    """Return one case: both lungs are 1, infection is 2."""
    return case(name, opened(image), [(opened(lung), 1), (opened(infection), 2)], spacing)


def unpacked(archive: Path, folder: Path) -> dict[str, Path]:
    """Unpack the NIfTI files of an archive, all into one folder; return them by `identity`."""
    folder.mkdir()
    try:
        with ZipFile(archive) as content:
            for member in content.infolist():
                if member.filename.endswith((".nii", ".nii.gz")) and not member.filename.startswith("__MACOSX"):
                    (folder / Path(member.filename).name).write_bytes(content.read(member))
    except BadZipFile as error:
        raise ValueError(f"{archive}: {error}") from None
    return {identity(name): path for name, path in named_files(folder).items()}


def identity(name: str) -> str:
    """Return what the spellings of a case's name have in common: ``c-1``, ``r-36-86526-0``."""
    numbers = re.findall(r"\d+", name.lower().replace("covid-19", ""))
    return "-".join([name[:1].lower(), *(str(int(n)) for n in numbers)])


class Division(pickle.Unpickler):
    """A reader of pickles that makes nothing but `HARMLESS` objects: a pickle may ask for any function to be called."""

    def find_class(self, module: str, name: str) -> Any:
        """Return a harmless class; refuse any other."""
        asked = f"{module.replace('numpy._core', 'numpy.core')}.{name}"
        if asked not in HARMLESS:
            raise pickle.UnpicklingError(f"asks for {asked}, which is no part of lists of names")
        return HARMLESS[asked]


def read_division(path: Path) -> list[dict[str, Any]]:
    """Return the names ``train`` and ``val`` of every fold from a pickle, which is read without running what it asks.

    Raises:
        ValueError: it holds something else.
    """
    try:
        with path.open("rb") as content:
            folds = Division(content).load()
        return [{part: [str(name) for name in fold[part]] for part in ("train", "val")} for fold in folds]
    except (pickle.UnpicklingError, EOFError, KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ValueError(f"{path}: no division into folds of names ({error})") from None
