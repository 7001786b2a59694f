import subprocess
import sys

import numpy as np
import pytest
from small_files import stl10_files

from pdebridge.catalogue import DATASETS, SOURCES, VOLUMES
from pdebridge.cube import load
from pdebridge.datasets import stl10
from pdebridge.datasets.dataset import DataSet
from pdebridge.datasets.make import make

MADE = sorted(set(DATASETS) - set(SOURCES))


@pytest.mark.parametrize("name", MADE)
def test_made_sets_need_nothing_but_a_seed_and_repeat(name):
    data, again = make(name, seed=3), make(name, seed=3)
    assert isinstance(data, DataSet)
    for part in ("x_train", "c_train", "x_validation", "c_validation"):
        assert np.array_equal(getattr(data, part), getattr(again, part))
    assert set(data.c_train.tolist()) == set(range(data.classes))
    assert np.isfinite(data.x_train).all()


@pytest.mark.parametrize("name", sorted(set(MADE) - {"swiss-roll", "higham"}))
def test_another_seed_gives_another_set(name):
    assert not np.array_equal(make(name, seed=0).x_train, make(name, seed=1).x_train)


def test_every_name_leads_to_a_function_and_every_source_to_a_data_set():
    assert all(callable(load(reference)) for reference in DATASETS.values())
    assert set(SOURCES) <= set(DATASETS) | set(VOLUMES)


def test_folder_and_mirror_are_passed_on(mirrored, monkeypatch, tmp_path):
    mirror, source = mirrored(stl10_files())
    monkeypatch.setattr(stl10, "STL10", source)
    assert make("stl10", folder=tmp_path / "data", mirror=mirror, validation=10).x_train.shape == (10, 3, 96, 96)


def test_unknown_names_and_options_are_refused_with_the_nearest_match():
    with pytest.raises(ValueError, match="unknown data set 'elipses'; did you mean 'ellipses'"):
        make("elipses")
    with pytest.raises(
        ValueError, match=r"'ellipses': 'ratoi'; did you mean 'ratio'\? valid: ratio, train, validation"
    ):
        make("ellipses", ratoi=1)
    with pytest.raises(ValueError, match="'higham' has no options"):
        make("higham", points=3)


def test_a_function_of_ones_own_is_found():
    assert make("pdebridge.datasets.peaks:peaks", train=10, validation=5).x_train.shape == (10, 2)


def test_nothing_here_imports_torch():
    code = "import sys; from pdebridge.cube import load; from pdebridge.catalogue import DATASETS, SOURCES\n"
    code += "[load(r) for r in (*DATASETS.values(), *SOURCES.values())]; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
