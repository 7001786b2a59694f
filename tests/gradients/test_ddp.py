"""Distributed data parallel with two processes: each sees half of the batch, both get the gradient of the whole."""

import os
from pathlib import Path

import torch
import torch.multiprocessing as mp
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from pdebridge.dynamics.control import PiecewiseConstant
from pdebridge.dynamics.hamiltonian import Hamiltonian
from pdebridge.gradients.checkpointed import Checkpointed
from pdebridge.gradients.reversible import Reversible
from pdebridge.gradients.stored import stored
from pdebridge.integrators.verlet import Verlet
from pdebridge.networks.flow import Flow, Gradient

MODES: dict[str, Gradient | type[Gradient]] = {"checkpointed": Checkpointed, "reversible": Reversible}


def network(gradient: Gradient | type[Gradient]) -> nn.Module:
    torch.manual_seed(0)
    F = Hamiltonian(4)
    flow = Flow(F, PiecewiseConstant(F, 4), Verlet(), gradient, 4, 1.0)
    return nn.Sequential(nn.Conv2d(3, 4, 1), flow, flow, nn.Flatten(), nn.Linear(4 * 36, 2)).double()


def batch() -> Tensor:
    return torch.randn(4, 3, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def gradients(gradient: Gradient | type[Gradient], part: Tensor) -> list[Tensor | None]:
    """Two backward passes into one gradient, synchronised by the second."""
    net = DistributedDataParallel(network(gradient))
    with net.no_sync():
        net(part).square().sum().backward()
    net(part).square().sum().backward()
    return [p.grad for p in net.parameters()]


def work(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)
    for mode, gradient in MODES.items():
        found = gradients(gradient, batch()[2 * rank : 2 * rank + 2])
        if rank == 0:
            torch.save(found, f"{folder}/{mode}.pt")
    distributed.barrier()
    os._exit(0)  # the interpreter's own way out can wait for ever for the threads of gloo


def test_two_processes_agree_with_one(tmp_path: Path) -> None:
    mp.spawn(work, args=(str(tmp_path),), nprocs=2)
    net = network(stored)
    net(batch()).square().sum().backward()  # two passes of a half each are, averaged over two processes, the whole
    for mode in MODES:
        for p, g in zip(net.parameters(), torch.load(tmp_path / f"{mode}.pt"), strict=True):
            torch.testing.assert_close(g, p.grad, rtol=1e-10, atol=1e-10)
