"""An offline W&B run holds the history, the resolved configuration and the published target."""

import csv
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pdebridge.configuration.settings import Tracking
from pdebridge.provenance import commit
from pdebridge.training.classification import Classification
from pdebridge.training.fit import train
from pdebridge.training.tracking import workflow_id
from wandb_server import leet, serving


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


KILLED = """
import json, os, signal, sys
from pathlib import Path
from pdebridge.configuration.load import parse_cell
from pdebridge.configuration.settings import Tracking
from pdebridge.training.classification import Classification
from pdebridge.training.fit import train
cell, folder, seed, epoch = parse_cell(json.loads(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
original = Classification.on_train_epoch_start
def start(self):
    if (self.seed, self.current_epoch) == (seed, epoch):
        os.kill(os.getpid(), signal.SIGKILL)
    original(self)
Classification.on_train_epoch_start = start
train(cell, Tracking(mode="offline"), folder, [])
"""


def test_a_training_killed_at_a_random_epoch_is_mirrored_once_and_whole(small_cell, tmp_path):
    """Two seeds, SIGKILL before a random epoch of one, the same command again: one W&B run a seed, every epoch once."""
    rng, epochs = random.Random(1), 8
    seed, epoch = rng.randrange(2), rng.randrange(1, epochs)
    cell = small_cell(seeds=2, training={"epochs": epochs})
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    command = [sys.executable, "-c", KILLED, cell.model_dump_json(), str(tmp_path / "runs")]
    killed = subprocess.run([*command, str(seed), str(epoch)], env=environment, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    done = subprocess.run([*command, "0", "-1"], env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    for one in range(2):
        run = tmp_path / "runs" / f"seed-{one}"
        said, summary = (json.loads((run / name).read_text()) for name in ("run.json", "summary.json"))
        (mine,) = (tmp_path / "runs" / "wandb").glob(f"offline-run-*-{said['wandb']['id']}*")
        with (run / "history.csv").open() as lines:
            columns = csv.DictReader(lines).fieldnames
        assert logged(mine, "epoch") == list(range(epochs)), (seed, epoch)
        for column in columns:
            assert logged(mine, column) == history(run, column), (seed, epoch, column)
        kept = json.loads(leet("--summary", "--json", mine))["summary"]
        assert {name: kept[name] for name in summary} == summary


def test_online_too_an_interrupted_training_has_every_epoch_once(small_cell, tmp_path, monkeypatch):
    cell, original = small_cell(training={"epochs": 5}), Classification.on_train_epoch_start

    def stop(self):
        if self.current_epoch == 3:
            raise ConnectionAbortedError
        original(self)

    with serving(monkeypatch) as server:
        with monkeypatch.context() as patched, pytest.raises(ConnectionAbortedError):
            patched.setattr(Classification, "on_train_epoch_start", stop)
            train(cell, Tracking(mode="online"), tmp_path, [])
        (mirrored,) = server.runs.values()
        before = [row["epoch"] for row in mirrored["history"].values()]
        (run,) = train(cell, Tracking(mode="online"), tmp_path, [])
    assert before == [0, 1, 2] and len(server.runs) == 1
    assert [row["epoch"] for row in mirrored["history"].values()] == list(range(5))
    assert [row["val/loss"] for row in mirrored["history"].values()] == history(run, "val/loss")
    assert json.loads((run / "run.json").read_text())["wandb"]["url"].startswith(f"{server.address}/somebody/pdebridge")


def test_a_training_of_a_workflow_names_its_report_and_one_by_hand_none(small_cell, tmp_path, monkeypatch):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    cell = small_cell(training={"epochs": 1})
    monkeypatch.chdir(tmp_path)
    folders = [Path("results/laptop/runs/figure1/T5"), Path("results/mine/figure1/T5")]
    runs = [train(cell, Tracking(), folder, [])[0] for folder in folders]
    flow, nothing = (json.loads((run / "run.json").read_text())["wandb"]["workflow"] for run in runs)
    assert nothing is None
    assert flow == {
        "id": workflow_id("laptop", commit()["commit"]),
        "url": None,
        "report": "results/laptop/report.html",
    }
    (offline,) = folders[0].glob("wandb/offline-run-*")
    said = json.loads(leet("--summary", "--json", offline))
    assert said["config"]["workflow"] == flow
    assert said["notes"] == f"workflow: {flow['id']}; report: results/laptop/report.html"


@pytest.mark.parametrize(("which", "names"), [("off", []), ("final", ["weights.safetensors", "run.json"])])
def test_weights_are_an_artifact_that_names_its_data(which, names, small_cell, tmp_path, monkeypatch):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    (run,) = train(small_cell(training={"epochs": 1}), Tracking(artifacts=which), tmp_path, [])
    (offline,) = (tmp_path / "wandb").glob("offline-run-*")
    records = [json.loads(line) for line in leet("--json", offline).splitlines()]
    artifacts = [record["artifact"] for record in records if record["type"] == "artifact"]
    assert [part["path"] for artifact in artifacts for part in artifact["manifest"]["contents"]] == sorted(names)
    for artifact in artifacts:
        sizes = {part["path"]: int(part["size"]) for part in artifact["manifest"]["contents"]}
        assert sizes["weights.safetensors"] == (run / "weights.safetensors").stat().st_size
        metadata = json.loads(artifact["metadata"])
        assert (artifact["name"], artifact["type"]) == ("figure1-T5-seed-0", "model")
        assert metadata["fingerprint"] == json.loads((run / "run.json").read_text())["fingerprint"]
        assert metadata["data"]["name"] == "ellipses"


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
