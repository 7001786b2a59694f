"""Layers shared among processes: two and four of them make the numbers of one, and none waits for a dead one."""

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, distributed

from families import control, dynamics, features
from pdebridge.catalogue import INTEGRATORS
from pdebridge.cube import load
from pdebridge.dynamics.control import Constant
from pdebridge.errors import UserError
from pdebridge.gradients.layer_parallel import LayerParallel
from pdebridge.gradients.line import Line
from pdebridge.networks.flow import Flow
from pdebridge.training import processes as module
from pdebridge.training.processes import processes

# family, integrator, steps and options of the solver; 48 steps have 6 on the coarsest level, which 4 share unevenly
CASES: dict[str, tuple[str, str, int, dict[str, Any]]] = {
    "V": ("dense", "forward-euler", 64, {"cycles": 2}),
    "F": ("dense", "forward-euler", 64, {"cycles": 2, "factor": 2, "cycle": "F"}),
    "uneven": ("antisymmetric", "rk4", 48, {"cycles": 2, "factor": (4, 2), "coarsest": 6, "relaxations": (0, 1)}),
    "nested": ("dense", "forward-euler", 64, {"cycles": 1, "nested": True}),
    "tolerance": ("dense", "forward-euler", 64, {"cycles": 9, "tolerance": 1e-6}),
    "two tensors": ("hamiltonian-pair", "verlet", 16, {"cycles": 2, "factor": 2}),
    "convolution": ("conv dense", "forward-euler", 16, {"cycles": 2}),
    "shared weights": ("dense", "forward-euler", 64, {"cycles": 2}),
    "warm": ("dense", "forward-euler", 64, {"cycles": 1, "warm": True}),
}


def passes(name: str, shared: bool) -> list[Tensor]:
    family, step, steps, options = CASES[name]
    F = dynamics(family, steps)
    torch.manual_seed(0)
    weights = Constant(F).double() if name == "shared weights" else control(F, steps)
    mode = LayerParallel(distributed=shared, **options)
    net, u = Flow(F, weights, load(INTEGRATORS[step])(), mode, steps, 1.0), features(family).requires_grad_()
    for _ in range(3 if name == "warm" else 1):
        end = net(u)
        slopes = torch.linspace(-1.0, 2.0, end.numel(), dtype=end.dtype).view_as(end)
        pulled = torch.autograd.grad((slopes * end).sum(), (u, *net.parameters()))
    return [end.detach(), *pulled, *(r for r in mode.residuals.values() if r is not None)]


def join() -> int:
    torch.set_num_threads(1)
    rank, ranks = (int(os.environ[name]) for name in ("LOCAL_RANK", "WORLD_SIZE"))
    distributed.init_process_group("gloo", rank=rank, world_size=ranks, timeout=timedelta(seconds=60))
    return rank


def solve(folder: Path) -> None:
    rank = join()
    torch.save({name: passes(name, shared=True) for name in CASES}, folder / f"{rank}.pt")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("ranks", [2, 4])
def test_every_rank_has_the_states_and_gradients_of_one_process(ranks: int, tmp_path: Path) -> None:
    with processes(ranks, solve, tmp_path):
        solve(tmp_path)
    every = [torch.load(tmp_path / f"{rank}.pt") for rank in range(ranks)]
    for name in CASES:
        for found, exact in zip(every[0][name], passes(name, shared=False), strict=True):
            torch.testing.assert_close(found, exact, rtol=1e-12, atol=1e-12)
        for other in every[1:]:
            assert all(torch.equal(a, b) for a, b in zip(every[0][name], other[name], strict=True))


def die(rank: int) -> None:
    if join() == rank:
        Line.send = lambda line, u: os._exit(1)  # type: ignore[method-assign]
    passes("V", shared=True)


@pytest.mark.timeout(120)
def test_a_rank_that_dies_ends_the_run_with_its_name() -> None:
    begin = time.monotonic()
    with pytest.raises(UserError, match="rank 2 of 4 ended with exit code 1"), processes(4, die, 2):
        die(2)
    assert time.monotonic() - begin < 60
    assert not distributed.is_initialized()


def fail_here() -> None:
    join()
    distributed.barrier()


@pytest.mark.timeout(120)
def test_a_failure_of_this_process_is_its_own(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "GRACE", 0.1)
    with pytest.raises(ValueError, match="of rank 0"), processes(2, fail_here):
        join()
        raise ValueError("of rank 0")
    time.sleep(0.5)
    assert "rank 1" not in capfd.readouterr().err


def test_more_processes_than_coarse_steps_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pdebridge.gradients.line.world", lambda: (0, 8))
    with pytest.raises(ValueError, match="each of 8 processes a step of the coarsest level, which has 4"):
        passes("V", shared=True)
