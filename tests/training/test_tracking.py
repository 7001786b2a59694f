"""An offline W&B run holds the history, the resolved configuration and the published target."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from pdebridge.configuration.settings import Tracking
from pdebridge.errors import UserError
from pdebridge.training.fit import train


def leet(*arguments):
    program = Path(sys.executable).with_name("wandb")
    command = [str(program)] if program.exists() else [sys.executable, "-m", "wandb"]
    done = subprocess.run(
        [*command, "leet", "inspect", *map(str, arguments)], check=True, capture_output=True, text=True
    )
    return done.stdout


def test_an_offline_run_is_read_back(small_cell, tmp_path, monkeypatch):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    target = {"id": "a-published-number", "value": 99.0}
    run = train(small_cell(seeds=2), Tracking(mode="offline"), tmp_path, [target])[1]
    (offline,) = (tmp_path / "wandb").glob("offline-run-*")

    records = [json.loads(line) for line in leet("--json", offline).splitlines()]
    logged = [r for r in records if r.get("type") == "history"]
    values = [value for r in logged if (value := find(r, "seed-1/val/accuracy")) is not None]
    with (run / "history.csv").open() as lines:
        expected = [float(row["val/accuracy"]) for row in csv.DictReader(lines)]
    assert values == expected

    summary = json.dumps(json.loads(leet("--summary", "--json", offline)))
    for part in ("figure1", "laptop", "dense", "forward-euler", "stored", "a-published-number", "commit", "readout"):
        assert part in summary, part


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


def test_online_without_an_account_is_one_line(small_cell, tmp_path, monkeypatch):
    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with pytest.raises(UserError, match="tracking.mode: online: .*set tracking.mode to offline"):
        train(small_cell(), Tracking(mode="online"), tmp_path / "runs", [])
