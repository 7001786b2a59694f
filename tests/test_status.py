"""What `pdebridge status` says is what stands on disk."""

import json

import pytest

from pdebridge.cli import main
from pdebridge.cli.settings import cell_of
from pdebridge.configuration.settings import Settings
from pdebridge.files import locked, write_json
from pdebridge.records import CONTENT, seal


def run(folder, epoch=None):
    """Make a run directory of figure1/T5: finished, or one that was interrupted after an epoch."""
    write_json(folder / "run.json", {"fingerprint": "f", "cell": cell_of("figure1/T5", Settings()).model_dump()})
    if epoch is None:
        for name in CONTENT:
            (folder / name).write_text("{}")
        seal(folder)
    else:
        (folder / "checkpoints").mkdir()
        for name in (f"epoch-{epoch:06d}.ckpt", f"epoch-{epoch - 1:06d}-batch-000003.ckpt"):
            (folder / "checkpoints" / name).touch()


@pytest.fixture
def results(tmp_path):
    cell = tmp_path / "results" / "laptop" / "runs" / "figure1" / "T5"
    for seed in (0, 1):
        run(cell / f"seed-{seed}")
    run(cell / "seed-2.partial", epoch=17)
    run(cell / "seed-3")
    (cell / "seed-3" / "weights.safetensors").write_text("flipped")
    return tmp_path / "results"


def said(capsys, *command):
    status = main(["status", *map(str, command)])
    return status, capsys.readouterr().out


def test_every_state_is_told_with_epoch_and_command(results, capsys):
    status, text = said(capsys, results)
    assert status == 1
    assert "seeds 0, 1: finished, epoch 60 of 60" in text
    assert "seed 2: interrupted, epoch 17 of 60\n    snakemake --cores all --config scale=laptop" in text
    assert "seed 3: damaged, epoch 60 of 60, weights.safetensors is damaged" in text
    assert text.splitlines()[-1] == "1 damaged, 2 finished, 1 interrupted"


def test_a_run_that_a_process_holds_is_running(results, capsys):
    lock = results / "laptop" / "runs" / "figure1" / "T5" / ".seed-2.lock"
    with locked(lock, "seed 2"):
        _, text = said(capsys, results, "--json")
    assert {one["seed"]: one["state"] for one in json.loads(text)}[2] == "running"
    assert [one["text"].startswith("process ") for one in json.loads(text) if one["seed"] == 2] == [True]


def test_what_was_trained_by_hand_goes_on_by_hand(tmp_path, capsys):
    folder = tmp_path / "mine" / "figure1" / "T5" / "network.steps=20,training.decay=1e-3"
    run(folder / "seed-0.partial", epoch=3)
    _, text = said(capsys, tmp_path / "mine")
    command = "pdebridge train figure1/T5 --network.steps=20 --training.decay=1e-3 --seed 0 --out"
    assert f"{command} {folder / 'seed-0.json'}" in text


def test_an_empty_folder_has_no_runs_and_a_missing_one_is_named(tmp_path, capsys):
    assert said(capsys, tmp_path) == (0, "no runs\n")
    assert main(["status", str(tmp_path / "no")]) == 2
    assert "no such folder" in capsys.readouterr().err


def test_damaged_descriptions_are_told_too(results, capsys):
    (results / "laptop" / "runs" / "figure1" / "T5" / "seed-0" / "run.json").write_text("{")
    status, text = said(capsys, results)
    assert status == 1
    assert "seed 0: damaged, epoch 0, run.json is damaged" in text
