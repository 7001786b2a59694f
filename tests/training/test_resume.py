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
from pdebridge.errors import Stopped, UserError
from pdebridge.files import read_json
from pdebridge.training.checkpoints import fingerprint_of
from pdebridge.training.classification import Classification
from pdebridge.training.construct import build, samples
from pdebridge.training.fit import accelerator, train
from pdebridge.training.game import MeanFieldGame
from pdebridge.training.restore import restore

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


def wait_for(pattern, process, folder):
    deadline = time.monotonic() + 120
    while not list(folder.glob(pattern)):
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
    wait_for("checkpoints/epoch-*.ckpt", process, partial)
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


@pytest.mark.parametrize("gradient", ["layer-parallel", "reversible"])
def test_a_gradient_that_has_fallen_back_stays_so_when_it_resumes(gradient, small_cell):
    integrator = "reversible-euler" if gradient == "reversible" else "forward-euler"
    cell = small_cell(network={"steps": 16, "gradient": {"name": gradient}, "integrator": {"name": integrator}})
    parts, *_ = samples(cell, 0)
    before, after = (Classification(build(cell, 0), cell.training, 0, parts) for _ in range(2))
    before.modes[0].fallen, checkpoint = True, {}
    before.on_save_checkpoint(checkpoint)
    after.on_load_checkpoint(checkpoint)
    assert [mode.fallen for mode in after.modes] == [True]


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


def interrupted_at(step, module, cell, folder, monkeypatch):
    """Train a cell that gets SIGTERM in the middle of a step, then train it to the end; return its run directory."""
    steps, plain = [], module.training_step

    def training_step(*args):
        steps.append(1)
        if len(steps) == step:
            os.kill(os.getpid(), signal.SIGTERM)
        return plain(*args)

    with monkeypatch.context() as patch:
        patch.setattr(module, "training_step", training_step)
        with pytest.raises(Stopped, match="stopped by SIGTERM") as stopped:
            train(cell, OFF, folder, [])
    assert stopped.value.status == 143
    assert len(steps) == step, "the step ends, no other begins"
    return train(cell, OFF, folder, [])[0]


@pytest.mark.parametrize("step", [1, 3, 4, 6])
def test_a_signal_in_the_middle_of_an_epoch_costs_no_step(step, small_cell, tmp_path, monkeypatch):
    cell = small_cell(training={"epochs": 3, "batch_size": 100, "optimizer": {"name": "sgd", "schedule": "one-cycle"}})
    one = interrupted_at(step, Classification, cell, tmp_path / "one", monkeypatch)
    two = train(cell, OFF, tmp_path / "two", [])[0]
    assert (one / "weights.safetensors").read_bytes() == (two / "weights.safetensors").read_bytes()
    assert figures(one) == figures(two)


def test_a_game_resumes_in_the_middle_of_an_epoch(small_game, tmp_path, monkeypatch):
    cell = small_game(training={"optimizer": {"name": "adam", "lr": 0.01}, "resample": 1})
    one = interrupted_at(7, MeanFieldGame, cell, tmp_path / "one", monkeypatch)
    two = train(cell, OFF, tmp_path / "two", [])[0]
    assert (one / "weights.safetensors").read_bytes() == (two / "weights.safetensors").read_bytes()
    assert figures(one) == figures(two)


def figures(run):
    return [line.split(",")[2:] for line in (run / "history.csv").read_text().splitlines()]


def test_a_damaged_checkpoint_is_put_aside_and_the_one_before_it_used(small_cell, tmp_path, monkeypatch, capsys):
    cell = small_cell(training={"epochs": 4, "batch_size": 100, "optimizer": {"name": "sgd"}})
    with monkeypatch.context() as patch:
        patch.setattr("pdebridge.training.fit.summarise", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train(cell, OFF, tmp_path / "one", [])
    folder = tmp_path / "one" / "seed-0.partial" / "checkpoints"
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["epoch-000003.ckpt", "epoch-000004.ckpt"]
    (folder / names[1]).write_bytes(b"")
    content = bytearray((folder / names[0]).read_bytes())
    (tmp_path / "one" / "seed-0.partial" / "run.json").write_text("{")
    run = train(cell, OFF, tmp_path / "one", [])[0]
    said = capsys.readouterr().err
    assert "epoch-000004.ckpt is damaged; put aside as epoch-000004.ckpt.damaged" in said
    assert "run.json is damaged" in said and "epoch-000003" not in said
    two = train(cell, OFF, tmp_path / "two", [])[0]
    assert (run / "weights.safetensors").read_bytes() == (two / "weights.safetensors").read_bytes()
    content[len(content) // 2] ^= 1
    (tmp_path / "flipped.ckpt").write_bytes(content)
    assert fingerprint_of(tmp_path / "flipped.ckpt") is None


def test_a_run_whose_weights_changed_is_not_studied_and_is_made_again(small_cell, tmp_path):
    run = train(small_cell(), OFF, tmp_path, [])[0]
    weights = bytearray((run / "weights.safetensors").read_bytes())
    weights[-1] ^= 1
    (run / "weights.safetensors").write_bytes(weights)
    with pytest.raises(UserError, match="weights.safetensors is damaged"):
        restore(run)
    weights[-1] ^= 1
    assert (train(small_cell(), OFF, tmp_path, [])[0] / "weights.safetensors").read_bytes() == bytes(weights)
    restore(run)


def test_float64_does_not_go_to_an_apple_gpu(monkeypatch, capsys):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert accelerator(torch.float64) == "cpu"
    assert "MPS" in capsys.readouterr().err
    assert accelerator(torch.float32) == "auto"
