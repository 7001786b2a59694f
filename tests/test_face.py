"""What ``import pdebridge`` offers: every name leads somewhere, is documented and typed, and costs nothing unused."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import pdebridge as pb


def annotated() -> dict[str, str]:
    """What type checkers are told: name to ``module:object``."""
    tree = ast.parse(Path(pb.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    return {
        alias.asname or alias.name: f"{node.module.removeprefix('pdebridge.')}:{alias.name}"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_type_checkers_are_told_of_every_name():
    assert annotated() == pb.FACE
    assert (Path(pb.__file__).parent / "py.typed").is_file()


@pytest.mark.parametrize("name", pb.FACE)
def test_every_name_is_documented(name):
    found = getattr(pb, name)
    assert inspect.getdoc(found) and name in dir(pb)


def test_no_name_is_that_of_a_room():
    assert not set(pb.FACE) & set(pb.ROOMS)
    assert {path.parent.name for path in Path(pb.__file__).parent.glob("*/__init__.py")} >= set(pb.ROOMS)
    assert all(inspect.ismodule(getattr(pb, room)) for room in pb.ROOMS)


def test_an_unknown_name_says_what_there_is():
    with pytest.raises(AttributeError, match="no attribute 'floww'; it has Control, DataSet"):
        pb.floww  # noqa: B018


def test_the_import_is_light():
    program = "import sys; before = set(sys.modules); import pdebridge; print(*(set(sys.modules) - before))"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    outside = {name.partition(".")[0] for name in loaded.split()} - set(sys.stdlib_module_names)
    assert outside == {"pdebridge"} and "pdebridge.cube" not in loaded.split()


def test_things_by_name():
    assert "rk4" in pb.names("integrator") and "jmiv-parabolic-cifar10" in pb.names("network")
    with pytest.raises(ValueError, match="unknown kind 'dynamic'; did you mean 'dynamics'"):
        pb.names("dynamic")
    assert pb.data("digits").classes == 10
    assert pb.game("crowd-motion", 3).d == 3
    assert sum(p.numel() for p in pb.network("jmiv-parabolic-cifar10").parameters()) == 502_570
    with pytest.raises(ValueError, match="unknown game 'crowd'"):
        pb.game("crowd", 2)
    with pytest.raises(ValueError, match="game 'lq-entropy': 'wieght'|wieght"):
        pb.game("lq-entropy", 2, wieght=1.0)
    flow = pb.flow("dense", "rk4", width=2, steps=2, time=1.0)
    assert isinstance(flow, pb.Flow) and isinstance(flow.dynamics, pb.Dynamics)
    assert pb.contractive(flow).number >= 1


def test_a_training_from_its_name_to_its_measurements(tmp_path):
    assert "figure1" in pb.experiments()
    with pytest.raises(pb.UserError, match="epochz"):
        pb.cell("figure1/T5", {"training.epochz": 1})
    small = pb.cell("digits/residual", {"training.epochs": 1, "seeds": 1})
    folders = pb.train(small, tmp_path / "residual")
    run = pb.restore(folders[0])
    x, _ = run.data["test"]
    with torch.no_grad():
        assert run.net(x).shape == (len(x), run.classes)
    found = pb.study("robustness", folders, kinds=["noise"])
    assert {m.cell for m in found.measurements} == {"residual"}


def test_a_game_comes_back_with_its_potential(tmp_path):
    small = pb.cell(
        "closed-forms/gaussian-d1",
        {"seeds": 1, "training.epoch": 2, "training.levels": [{"samples": 16, "iterations": 2}]},
    )
    solved = pb.restore(pb.train(small, tmp_path / "game")[0])
    assert solved.game.d == 1 and isinstance(solved.potential, pb.Potential)


def test_published_numbers_and_their_verdicts():
    assert len(pb.published()) > 400 and callable(pb.verdict)
