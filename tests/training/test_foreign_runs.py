"""Tables and studies take the runs that their plan trained, and no others that stand in their place."""

import pytest

from pdebridge.cli import main
from pdebridge.cli.training import train_cell
from pdebridge.configuration.settings import Tracking
from pdebridge.errors import UserError
from pdebridge.paper.measurements import collect
from pdebridge.records import differences, stale
from pdebridge.training.fit import train

OFF = Tracking(mode="disabled")


def test_a_run_that_was_trained_by_hand_is_not_taken_for_its_cell_s(small_cell, tmp_path, capsys):
    cell, other = small_cell(), small_cell(training={"epochs": 1})
    built, out = tmp_path / "built.json", tmp_path / "T5.json"
    main(["describe", "--resolved", cell.model_dump_json(), "--out", str(built)])
    train_cell(other, OFF, out)
    collect([out])
    with pytest.raises(UserError, match=r"seed-0: trained with training.epochs = 1, not 3; remove .*T5.json"):
        collect([built, out])
    assert main(["study", "propagation", str(out), str(built), "--out", str(tmp_path / "study")]) != 0
    assert "trained with training.epochs" in capsys.readouterr().err
    out.unlink()
    train_cell(cell, OFF, out)
    assert collect([built, out])["figure1", "T5", "epochs"]["values"] == [3]
    assert not stale(out)
    train(other, OFF, tmp_path / "T5", [])
    with pytest.raises(UserError, match="holds another training"):
        collect([out])
    assert "holds another training" in stale(out)


def test_differences_are_named_by_their_keys():
    wanted = {"a": {"b": 1, "c": [1, 2]}, "d": None}
    assert not list(differences(wanted, {"a": {"b": 1, "c": [1, 2], "x": 3}, "d": None, "y": 0}))
    assert list(differences(wanted, {"a": {"b": 2, "c": [1]}})) == ["a.b = 2, not 1", "a.c = [1], not [1, 2]"]
