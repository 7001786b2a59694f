"""Every name in the catalogue leads to an object of its kind, and the catalogue itself is light."""

import subprocess
import sys

import pytest

from pdebridge.catalogue import CATALOGUE, DATASETS, SOURCES
from pdebridge.cube import load, named, target


@pytest.mark.parametrize("kind", CATALOGUE)
def test_every_name_leads_to_an_object(kind):
    assert all(callable(load(reference)) or kind == "source" for reference in CATALOGUE[kind].values())


def test_every_source_has_its_data_set():
    assert set(SOURCES) <= set(DATASETS)


def test_reading_the_catalogue_imports_nothing():
    program = "import sys; before = set(sys.modules); import pdebridge.catalogue; print(*(set(sys.modules) - before))"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    installed = {name for name in loaded.split() if name.partition(".")[0] not in sys.stdlib_module_names}
    assert installed == {"pdebridge", "pdebridge.catalogue"}


def test_a_name_is_looked_up_in_its_kind():
    assert target("dynamics", "mine.swirl:Swirl") == "mine.swirl:Swirl"
    assert named("integrator", "rk4").order == 4
    with pytest.raises(ValueError, match="unknown integrator 'dense'; valid: "):
        target("integrator", "dense")
