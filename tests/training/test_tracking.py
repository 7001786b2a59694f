"""An offline W&B run holds the history, the resolved configuration and the published target."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from pdebridge.configuration.settings import Tracking
from pdebridge.training.classification import Classification
from pdebridge.training.fit import train


def leet(*arguments):
    program = Path(sys.executable).with_name("wandb")
    command = [str(program)] if program.exists() else [sys.executable, "-m", "wandb"]
    done = subprocess.run(
        [*command, "leet", "inspect", *map(str, arguments)], check=True, capture_output=True, text=True
    )
    return done.stdout


def test_an_offline_run_of_each_seed_is_read_back(small_cell, tmp_path, monkeypatch):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    target = {"id": "a-published-number", "value": 99.0}
    run = train(small_cell(seeds=2), Tracking(mode="offline"), tmp_path, [target])[1]
    offline = sorted((tmp_path / "wandb").glob("offline-run-*"))
    assert len(offline) == 2
    said = json.loads((run / "run.json").read_text())
    (mine,) = [folder for folder in offline if folder.name.endswith(said["wandb"]["id"])]
    assert said["wandb"]["id"] == said["fingerprint"][:16]

    assert logged(mine, "val/accuracy") == history(run, "val/accuracy")
    assert logged(mine, "epoch") == history(run, "epoch")
    summary = json.dumps(json.loads(leet("--summary", "--json", mine)))
    for part in ("figure1", "laptop", "dense", "forward-euler", "stored", "a-published-number", "commit", "readout"):
        assert part in summary, part
    for part in ("fingerprint", "hardware", "best/val/loss", "train/accuracy", "parameters", '"seed"'):
        assert part in summary, part


def test_what_wandb_s_own_variables_say_wins(small_cell, tmp_path, monkeypatch):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    said = {
        "WANDB_PROJECT": "my-project",
        "WANDB_RUN_GROUP": "my-group",
        "WANDB_NAME": "my-name",
        "WANDB_TAGS": "my-tag",
        "WANDB_RUN_ID": "an-agent-s-run",
    }
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    runs = train(small_cell(seeds=2), Tracking(mode="offline"), tmp_path, [])
    named = [json.loads((run / "run.json").read_text()) for run in runs]
    assert [run["wandb"]["id"] for run in named] == ["an-agent-s-run", named[1]["fingerprint"][:16]]
    (offline,) = (tmp_path / "wandb").glob("offline-run-*-an-agent-s-run")
    kept = leet("--summary", "--json", offline) + leet("--json", offline)
    for value in ("my-project", "my-group", "my-name", "my-tag"):
        assert value in kept, value
    assert "figure1/T5/seed-0" not in json.loads(leet("--summary", "--json", offline)).get("display_name", "")


def test_a_resumed_run_mirrors_the_whole_history(small_cell, tmp_path, monkeypatch):
    """Interrupted in the third epoch, its second process tells W&B of all epochs, under the same name."""
    monkeypatch.delenv("WANDB_MODE", raising=False)
    cell = small_cell()
    original = Classification.on_train_epoch_start

    def stop(self):
        if self.current_epoch == 2:
            raise ConnectionAbortedError
        original(self)

    with monkeypatch.context() as patched, pytest.raises(ConnectionAbortedError):
        patched.setattr(Classification, "on_train_epoch_start", stop)
        train(cell, Tracking(mode="offline"), tmp_path, [])
    (first,) = (tmp_path / "wandb").glob("offline-run-*")
    (run,) = train(cell, Tracking(mode="offline"), tmp_path, [])
    (second,) = set((tmp_path / "wandb").glob("offline-run-*")) - {first}
    assert first.name.split("-")[-1] in second.name.split("-")  # W&B adds a number where both began in one second
    assert logged(second, "val/loss") == history(run, "val/loss")


def logged(offline, key):
    """Return a metric of an offline run, one value an epoch."""
    records = [json.loads(line) for line in leet("--json", offline).splitlines()]
    rows = [r for r in records if r.get("type") == "history"]
    return [value for row in rows if (value := find(row, key)) is not None]


def history(run, key):
    with (run / "history.csv").open() as lines:
        return [float(row[key]) for row in csv.DictReader(lines)]


def find(record, key):
    """Return the value of a metric in a history record, whatever the nesting."""
    if isinstance(record, dict):
        if key in record:
            return float(record[key])
        if record.get("key") == key:
            return float(record.get("value", record.get("value_json")))
        record = list(record.values())
    if isinstance(record, list):
        return next((value for item in record if (value := find(item, key)) is not None), None)
    return None


def test_disabled_tracking_leaves_no_trace(small_cell, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    train(small_cell(), Tracking(mode="offline"), tmp_path, [])
    assert not (tmp_path / "wandb").exists()


@pytest.mark.parametrize("wrong", ["online", "foo"])
def test_tracking_that_fails_stops_no_training(wrong, small_cell, tmp_path, monkeypatch, capsys):
    """Online without an account, and a mode that W&B does not know: a line, and an offline run."""
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("WANDB_MODE", wrong)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    (run,) = train(small_cell(), Tracking(), tmp_path / "runs", [])
    assert (run / "summary.json").exists()
    assert len(list((tmp_path / "runs" / "wandb").glob("offline-run-*"))) == 1
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("pdebridge: ")]
    assert len(said) == 1 and wrong in said[0]
