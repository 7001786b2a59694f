"""Seeds that are jobs of their own, and the job that gathers them, give what one job for all gives."""

import json

import pytest

from pdebridge.cli import main


@pytest.fixture
def trained(small_cell, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    resolved = small_cell(seeds=2).model_dump_json()

    def run(out, *arguments):
        status = main(["train", "--resolved", resolved, "--out", str(tmp_path / out), *arguments])
        return status, tmp_path / out

    return run


def values(path):
    found = json.loads(path.read_text())["measurements"]
    return {m["quantity"]: m["values"] for m in found if m["quantity"] != "seconds"}


def test_seeds_one_by_one_are_the_cell(trained):
    status, together = trained("together/T5.json")
    assert status == 0
    for seed in ("0", "1"):
        assert trained(f"apart/T5/seed-{seed}.json", "--seed", seed)[0] == 0
    status, apart = trained("apart/T5.json", "--collect")
    assert status == 0
    assert values(apart) == values(together)


def test_a_missing_seed_is_not_gathered(trained, capsys):
    trained("cut/T5/seed-1.json", "--seed", "1")
    status, out = trained("cut/T5.json", "--collect")
    assert status != 0 and not out.exists()
    assert "with seed 0; pdebridge train --seed N" in capsys.readouterr().err


@pytest.mark.parametrize("seed", ["2", "-1"])
def test_a_seed_that_the_cell_does_not_have(trained, seed, capsys):
    assert trained(f"T5/seed-{seed}.json", "--seed", seed)[0] != 0
    assert "has the seeds 0 to 1" in capsys.readouterr().err
