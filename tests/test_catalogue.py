"""Every name in the catalogue leads to an object of its kind, and the catalogue itself is light."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from families import CONVOLUTIONAL, DENSE, LINE
from pdebridge.catalogue import CATALOGUE, DATASETS, DRAWN_FROM, FIGURES, OPTIMISERS, SOURCES, STUDIES, VOLUMES
from pdebridge.configuration.classification import ClassificationCell
from pdebridge.configuration.load import cells, experiment_files, read_experiment
from pdebridge.configuration.optimisers import Optimiser
from pdebridge.configuration.settings import Settings
from pdebridge.cube import load, named, target

TESTS = Path(__file__).parent
EXPERIMENTS = [read_experiment(name) for name in experiment_files()]
CELLS = [cell for e in EXPERIMENTS for cell in cells(e, Settings(scale="cluster"))]
TRAINED = {cell.training.optimizer.name for cell in CELLS if isinstance(cell, ClassificationCell)}
STEPPED = (TESTS / "training" / "test_optimiser.py").read_text()


def missing(kind: str, name: str) -> Iterator[str]:
    """Say what a name of the catalogue lacks.

    Integrators, gradients, controls and data sets are driven by their tables: tests/integrators,
    tests/gradients/test_every_mode.py, tests/dynamics/test_control.py and tests/datasets/test_make.py.
    """
    module, _, thing = CATALOGUE[kind][name].partition(":")
    stem = module.rpartition(".")[2]
    if kind == "dynamics" and name not in {key for key, _ in (DENSE | CONVOLUTIONAL | LINE).values()}:
        yield "an instance in tests/families.py: gradients, Taylor remainders, reversal and certificates read it"
    if kind == "source" and not imported(f"{module}:{thing}", "datasets"):
        yield f"files as {module}.{thing} describes them, read in tests/datasets"
    if kind == "game" and not imported(f"{module}:{thing}", "meanfield", "training"):
        yield f"a test of {thing} in tests/meanfield: its terms against closed forms or differences"
    if kind == "optimiser" and f'"{name}"' not in STEPPED and name not in TRAINED:
        yield "a step in tests/training/test_optimiser.py, or a cell of an experiment"
    if kind == "study" and not (TESTS / "studies" / f"test_{stem}.py").is_file():
        yield f"tests/studies/test_{stem}.py"
    if kind == "study" and name not in {s.name for e in EXPERIMENTS for s in e.studies} | {"sweep"}:
        yield f"an experiment with 'studies: [{name}]'"
    if kind == "figure" and not imported(f"{module}:", "studies", "paper"):
        yield f"a test that draws {module} in tests/studies or tests/paper"
    if kind == "figure" and name not in DRAWN_FROM:
        yield "its study in DRAWN_FROM"
    if kind == "benchmark" and not imported(f"{module}:", "bench", "."):
        yield f"a test of {module} in tests/bench: the passes that it times compute the same"


def imported(reference: str, *rooms: str) -> bool:
    """Tell whether a test file of some rooms imports a module, or a name of it."""
    module, _, thing = reference.partition(":")
    package, _, stem = module.rpartition(".")
    wanted = rf"from {re.escape(module)} import [^)]*\b{thing}" if thing else rf"from {re.escape(module)} import"
    pattern = re.compile(rf"{wanted}|from {re.escape(package)} import (\([^)]*|.*)\b{stem}\b")
    return any(pattern.search(path.read_text()) for room in rooms for path in (TESTS / room).glob("*.py"))


NAMES = [(kind, name) for kind, table in CATALOGUE.items() for name in table]


@pytest.mark.parametrize(("kind", "name"), NAMES, ids=lambda value: str(value))
def test_every_name_has_its_tests(kind, name):
    assert not (lacks := list(missing(kind, name))), f"{kind} {name!r} needs {'; '.join(lacks)}"


@pytest.mark.parametrize(
    ("kind", "reference", "sentence"),
    [
        ("dynamics", "pdebridge.dynamics.new:New", "an instance in tests/families.py"),
        ("source", "pdebridge.datasets.new:NEW", "read in tests/datasets"),
        ("game", "pdebridge.meanfield.games:new", "a test of new in tests/meanfield"),
        ("optimiser", "pdebridge.training.optimisers:new", "a step in tests/training/test_optimiser.py"),
        ("study", "pdebridge.studies.new:new", "tests/studies/test_new.py"),
        ("figure", "pdebridge.paper.new:draw", "a test that draws pdebridge.paper.new"),
        ("benchmark", "pdebridge.bench.new:measure", "a test of pdebridge.bench.new"),
    ],
)
def test_a_new_name_is_told_what_it_lacks(monkeypatch, kind, reference, sentence):
    monkeypatch.setitem(CATALOGUE, kind, {**CATALOGUE[kind], "new": reference})
    assert sentence in "; ".join(missing(kind, "new"))


def test_every_figure_has_its_study():
    assert set(DRAWN_FROM) == set(FIGURES) and set(DRAWN_FROM.values()) <= set(STUDIES)


def test_the_configuration_knows_every_optimiser():
    union = get_args(get_args(Optimiser)[0])
    assert {name for one in union for name in get_args(one.model_fields["name"].annotation)} == set(OPTIMISERS)


@pytest.mark.parametrize("kind", CATALOGUE)
def test_every_name_leads_to_an_object(kind):
    assert all(callable(load(reference)) or kind == "source" for reference in CATALOGUE[kind].values())


def test_every_source_has_its_data_set():
    assert set(SOURCES) <= {*DATASETS, *VOLUMES}


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
