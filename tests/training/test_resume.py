"""An interrupted training resumes to the same weights, bit by bit."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from pdebridge.configuration.settings import Tracking
from pdebridge.files import read_json
from pdebridge.training.fit import train

OFF = Tracking(mode="disabled")
OPTIMISERS = {
    "lbfgs": {"training": {"epochs": 60}},
    "one-shot": {
        "training": {"epochs": 100, "optimizer": {"name": "one-shot"}},
        "network": {"steps": 16, "gradient": {"name": "layer-parallel", "options": {"warm": True}}},
    },
    "sgd": {"training": {"epochs": 400, "batch_size": 100, "optimizer": {"name": "sgd", "schedule": "one-cycle"}}},
    "e-msa": {"training": {"epochs": 60, "optimizer": {"name": "e-msa", "rho": 30.0}}},
}


def command(cell, out):
    arguments = ["train", "--resolved", cell.model_dump_json(), "--tracking", OFF.model_dump_json(), "--out", str(out)]
    return [sys.executable, "-m", "pdebridge", *arguments]


def wait_for(path, process):
    deadline = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, "the training ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_a_killed_training_resumes_to_bit_equal_weights(optimiser, small_cell, tmp_path):
    cell = small_cell(**OPTIMISERS[optimiser])
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    partial = tmp_path / "killed" / "seed-0.partial"
    process = subprocess.Popen(
        command(cell, tmp_path / "killed.json"), env=environment, stderr=subprocess.DEVNULL, start_new_session=True
    )
    wait_for(partial / "checkpoints" / "last.ckpt", process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert partial.is_dir()
    assert not (tmp_path / "killed" / "seed-0").exists()

    for name in ("killed", "straight"):
        subprocess.run(command(cell, tmp_path / f"{name}.json"), env=environment, check=True, capture_output=True)
    killed, straight = (
        load_file(tmp_path / name / "seed-0" / "weights.safetensors") for name in ("killed", "straight")
    )
    assert killed.keys() == straight.keys()
    assert all(torch.equal(killed[name], straight[name]) for name in straight)
    histories = [(tmp_path / name / "seed-0" / "history.csv").read_text() for name in ("killed", "straight")]
    columns = [[line.split(",")[2:] for line in history.splitlines()] for history in histories]
    assert columns[0] == columns[1]


def test_a_finished_run_is_kept_and_a_changed_one_is_not(small_cell, tmp_path):
    first = train(small_cell(), OFF, tmp_path, [])[0]
    started = read_json(first / "run.json")["started"]
    stamp = (first / "weights.safetensors").stat().st_mtime_ns
    again = train(small_cell(title="another title"), OFF, tmp_path, [])[0]
    assert (again / "weights.safetensors").stat().st_mtime_ns == stamp
    assert read_json(again / "run.json")["started"] == started
    changed = train(small_cell(training={"epochs": 4}), OFF, tmp_path, [])[0]
    assert (changed / "weights.safetensors").stat().st_mtime_ns != stamp
    assert read_json(changed / "summary.json")["epochs"] == 4


def test_the_same_seed_gives_the_same_numbers(small_cell, tmp_path):
    runs = [train(small_cell(), OFF, tmp_path / name, [])[0] for name in "ab"]
    summaries = [read_json(run / "summary.json") | {"seconds": 0} for run in runs]
    assert summaries[0] == summaries[1]


def test_a_run_directory_describes_itself(small_cell, tmp_path):
    run = train(small_cell(), OFF, tmp_path, [])[0]
    described = read_json(run / "run.json")
    assert {"cell", "seed", "fingerprint", "commit", "dirty", "versions", "hardware", "started"} <= described.keys()
    assert described["cell"]["network"]["steps"] == 10
    assert described["versions"]["torch"] == torch.__version__
    names = {path.name for path in run.iterdir()}
    assert names == {"run.json", "history.csv", "summary.json", "weights.safetensors"}
    assert not list(Path(tmp_path).glob("*.partial"))
