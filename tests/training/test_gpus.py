"""Jobs side by side on one machine take GPUs of their own."""

import os
import subprocess
import sys

import pytest
import torch

from pdebridge.training import gpus
from pdebridge.training.fit import accelerator
from pdebridge.training.gpus import LEAST, assigned, hidden, installed, multiplications, takes_gpu


@pytest.fixture(autouse=True)
def no_scheduler(monkeypatch):
    for name in gpus.SCHEDULERS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")


def test_two_jobs_get_different_gpus_and_give_them_back(tmp_path):
    with assigned(1, tmp_path) as first:
        assert first == ["0"] and os.environ["CUDA_VISIBLE_DEVICES"] == "0"
        os.environ["CUDA_VISIBLE_DEVICES"] = "0,1,2,3"  # as another process sees it
        with assigned(2, tmp_path) as second:
            assert second == ["1", "2"] and os.environ["CUDA_VISIBLE_DEVICES"] == "1,2"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1,2,3"
    with assigned(4, tmp_path) as all_of_them:
        assert all_of_them == ["0", "1", "2", "3"]


def test_a_job_in_another_process_keeps_its_gpu_until_it_ends(tmp_path):
    program = f"""
import sys
from pathlib import Path
from pdebridge.training.gpus import assigned
with assigned(1, Path({str(tmp_path)!r})) as mine:
    print(*mine, flush=True)
    sys.stdin.read()
"""
    other = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "0\n"
    with assigned(1, tmp_path) as mine:
        assert mine == ["1"]
    other.kill()
    other.wait()
    with assigned(1, tmp_path) as mine:
        assert mine == ["0"]


def test_where_too_few_are_free_all_stay_visible(tmp_path):
    with assigned(3, tmp_path):
        os.environ["CUDA_VISIBLE_DEVICES"] = "0,1,2,3"
        with assigned(3, tmp_path) as second:
            assert second == [] and os.environ["CUDA_VISIBLE_DEVICES"] == "0,1,2,3"


@pytest.mark.parametrize("name", gpus.SCHEDULERS)
def test_a_scheduler_s_choice_stands(monkeypatch, tmp_path, name):
    monkeypatch.setenv(name, "1")
    with assigned(1, tmp_path) as mine:
        assert mine == [] and os.environ["CUDA_VISIBLE_DEVICES"] == "0,1,2,3"


def test_a_machine_without_gpus_has_none(monkeypatch, tmp_path):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setenv("PATH", "")
    assert installed() == []
    with assigned(1, tmp_path) as mine:
        assert mine == []


def test_what_is_small_stays_on_the_cpu_and_a_wish_is_followed(small_cell, small_game):
    small, large = small_cell(), small_cell(network={"width": 64})
    assert multiplications(small) == 1000 * 9 < LEAST < multiplications(large) == 1000 * 64**2
    assert multiplications(small_game()) == 128 * 8 * (8 + 2 + 1)
    assert [takes_gpu(cell, "auto") for cell in (small, large)] == [False, True]
    assert takes_gpu(small, "gpu") and not takes_gpu(large, "cpu")


def test_a_small_training_sees_no_gpu_and_leaves_the_environment_as_it_was():
    with hidden():
        assert os.environ["CUDA_VISIBLE_DEVICES"] == ""
        assert accelerator(torch.float32) == "cpu"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1,2,3"
    assert accelerator(torch.float32) == "auto"
