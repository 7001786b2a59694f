"""Time and memory of a training step by gradient mode: same network, same batch, same process."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from pdebridge.bench.rivals import available
from pdebridge.dynamics.control import PiecewiseConstant
from pdebridge.dynamics.hamiltonian import Hamiltonian
from pdebridge.gradients.allocation import peak_bytes
from pdebridge.gradients.checkpointed import Checkpointed
from pdebridge.gradients.reversible import Reversible
from pdebridge.gradients.stored import stored
from pdebridge.integrators.verlet import Verlet
from pdebridge.networks.flow import Flow, Gradient

MODES: dict[str, Callable[[], Gradient]] = {
    "stored": lambda: stored,
    "reversible": Reversible,
    "checkpoint per step": lambda: Checkpointed(1),
    "checkpoint every sqrt(N)": Checkpointed,
}


def measure(width: int = 32, pixels: int = 32, batch: int = 16, steps: int = 18, rounds: int = 9) -> dict[str, Any]:
    """Return the time and the peak memory of one training step of a Hamiltonian block by each gradient mode.

    A step is a forward and a backward pass of the mean square of the result. The modes take turns, and so do other
    packages with the same coupling where they are installed; the shortest of the rounds counts. Images are stored
    with channels last, which is faster for all.

    Args:
        width: channels.
        pixels: height and width of the images.
        batch: number of images.
        steps: ``N``; each is four convolutions of half the channels.
        rounds: turns of each mode.

    Returns:
        ``ratios`` of the time and peak of ``reversible`` to the others', ``raw`` seconds and bytes, the packages that
        are missing and why, and ``name``.
    """
    torch.manual_seed(0)
    F, h = Hamiltonian(width), 0.1
    control = PiecewiseConstant(F, steps)
    rivals, missing = available(width, steps, h)
    nets = {name: Flow(F, control, Verlet(), mode(), steps, h * steps) for name, mode in MODES.items()} | rivals
    u = torch.randn(batch, width, pixels, pixels).contiguous(memory_format=torch.channels_last)
    computations = {name: training_step(net, u) for name, net in nets.items()}
    seconds = shortest_times(computations, rounds)
    peaks = {name: peak_bytes(computation) for name, computation in computations.items()}
    ratios = {f"time: reversible / {name}": seconds["reversible"] / seconds[name] for name in nets}
    ratios |= {f"peak: reversible / {name}": peaks["reversible"] / peaks[name] for name in nets}
    del ratios["time: reversible / reversible"], ratios["peak: reversible / reversible"]
    return {
        "name": "gradients",
        "ratios": ratios,
        "raw": {"seconds": seconds, "bytes": peaks, "missing": missing, "threads": torch.get_num_threads()},
    }


def training_step(net: nn.Module, u: Tensor) -> Callable[[], None]:
    """Return a function that runs both passes once, on features that need a gradient."""
    u = u.clone().requires_grad_()

    def run() -> None:
        u.grad = None
        net.zero_grad()
        net(u).square().mean().backward()
        if u.is_cuda:
            torch.cuda.synchronize()

    return run


def shortest_times(
    computations: Mapping[str, Callable[[], object]], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """Return the least seconds of each computation: they take turns, and what else the machine does only adds."""
    times: dict[str, list[float]] = {name: [] for name in computations}
    for _ in range(rounds + 1):
        for name, computation in computations.items():
            start = clock()
            computation()
            times[name].append(clock() - start)
    return {name: min(values) for name, values in times.items()}
