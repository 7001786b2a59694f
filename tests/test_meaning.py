"""What reruns after an edit: what its meaning touches, and nothing for a comment, a docstring or a name of a figure."""

import shutil
from pathlib import Path

import pytest

import pdebridge
from pdebridge import meaning
from pdebridge.configuration.load import cells, parse_cell, selected, settings_from
from pdebridge.training.fingerprint import code_and_data, fingerprint


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A copy of the package's source that may be edited, and is what fingerprints see."""
    folder = tmp_path / "pdebridge"
    shutil.copytree(Path(pdebridge.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(meaning, "PACKAGE", folder)
    return folder


@pytest.fixture(scope="module")
def every_cell():
    settings = settings_from({})
    return [cell for experiment in selected(settings) for cell in cells(experiment, settings)]


def edit(path, old, new):
    text = path.read_text()
    assert text.count(old) >= 1, f"{old!r} is not in {path.name}"
    path.write_text(text.replace(old, new, 1))


def changed(every_cell, before):
    return [c.key for c, was in zip(every_cell, before, strict=True) if fingerprint(c, 0) != was]


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("catalogue.py", "FIGURES = {", 'FIGURES = {\n    "new": "pdebridge.paper.new:draw",'),
        ("catalogue.py", "DYNAMICS = {", 'DYNAMICS = {\n    "new": "pdebridge.dynamics.new:New",'),
        ("optimisation/quasi_newton.py", '"""', '"""Another first sentence. '),
        ("dynamics/dense.py", "import", "# a comment\nimport"),
        ("training/fit.py", "\n\n\ndef ", "\n\n\n\n\n\ndef "),
        ("configuration/classification.py", '"""Of images; nothing by default."""', '"""Another description."""'),
    ],
)
def test_what_changes_no_meaning_retrains_nothing(file, old, new, source, every_cell):
    before = [fingerprint(cell, 0) for cell in every_cell]
    edit(source / file, old, new)
    assert changed(every_cell, before) == []


def test_a_real_edit_retrains_what_it_touches(source, every_cell):
    before = [fingerprint(cell, 0) for cell in every_cell]
    edit(source / "integrators" / "euler.py", "order = 1", "order = 1 + 0")
    touched = changed(every_cell, before)
    assert {"figure1/T5", "ellipses/resnet", "digits/parabolic-euler"} <= set(touched)
    assert 0 < len(touched) < len(every_cell) / 2
    assert not any(key.startswith(("transport", "crowd-motion", "closed-forms")) for key in touched)


@pytest.mark.parametrize(
    ("old", "new"), [("f(x)", "f(y)"), ("1", "1.0"), ("'a'", "b'a'"), ("x + y", "x - y"), ("[a]", "[a, a]")]
)
def test_syntax_that_differs_has_another_digest(old, new, tmp_path):
    digests = []
    for name, text in (("old", old), ("new", new)):
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        digests.append(meaning.tree_digest(path, meaning.stamp(path)))
    assert digests[0] != digests[1]


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A user's folder: a package with a relative import, a module, and a table, all named by a cell."""
    (tmp_path / "mine").mkdir()
    for name, text in {
        "mine/__init__.py": "",
        "mine/wall.py": "from .shape import HEIGHT\nimport costs\n\ndef wall(x):\n    return HEIGHT * costs.f(x)\n",
        "mine/shape.py": "HEIGHT = 20\n",
        "costs.py": "def f(x):\n    return x\n",
        "unused.py": "A = 1\n",
        "crowd.csv": "0,1\n1,2\n2,0\n",
    }.items():
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    options = {"initial": {"samples": "crowd.csv"}, "target": {"means": [[0, 0]]}, "obstacle": "mine.wall:wall"}
    about = {"experiment": "e", "cell": "c", "title": "t", "scale": "test", "seeds": 1}
    spec = {"task": "game", "game": {"name": "own", "d": 2, "options": options}, "potential": {}}
    training = {"optimizer": {"name": "adam"}, "levels": [{"samples": 8, "iterations": 25}], "steps": 2}
    source = {"reference": "ruthotto2020mfg", "locator": "none"}
    return tmp_path, parse_cell({**about, **spec, "source": source, "training": training})


@pytest.mark.parametrize(
    ("file", "text", "reruns"),
    [
        ("mine/wall.py", "import costs\nfrom .shape import HEIGHT\n\ndef wall(x):\n    return 2 * x\n", True),
        ("mine/shape.py", "HEIGHT = 21\n", True),
        ("costs.py", "def f(x):\n    return 2 * x\n", True),
        ("crowd.csv", "0,1\n1,2\n2,1\n", True),
        ("mine/shape.py", '"""The door."""\n\nHEIGHT = 20  # metres\n', False),
        ("unused.py", "A = 2\n", False),
        ("mine/shape.py", "HEIGHT = 20 +\n", True),
    ],
)
def test_own_code_and_data_belong_to_the_fingerprint(file, text, reruns, own):
    folder, cell = own
    before = code_and_data(cell), fingerprint(cell, 0)
    (folder / file).write_text(text)
    assert ((code_and_data(cell), fingerprint(cell, 0)) != before) is reruns


def test_what_is_installed_counts_by_its_version():
    assert meaning.reached(["numpy:array", "json:loads"]) == {}
    assert meaning.meaning("numpy:array") != meaning.meaning("json:loads")
    assert meaning.meaning("numpy:array") == meaning.meaning("numpy.linalg:norm")


def test_a_folder_of_data_counts_by_what_is_in_it(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.csv").write_text("1")
    before = meaning.checksum(tmp_path / "a")
    (tmp_path / "a" / "y.csv").write_text("1")
    assert meaning.checksum(tmp_path / "a") != before
    assert meaning.checksum(tmp_path / "b") == "absent"
