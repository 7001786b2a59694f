"""Time and memory of a training step by gradient mode: same network, same batch, same process."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from pdebridge.bench.allocation import peak_bytes
from pdebridge.dynamics.control import PiecewiseConstant
from pdebridge.dynamics.hamiltonian import Hamiltonian
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


def measure(width: int = 32, pixels: int = 32, batch: int = 16, steps: int = 18, rounds: int = 7) -> dict[str, Any]:
    """Return the time and the peak memory of one training step of a Hamiltonian block by each gradient mode.

    A step is a forward and a backward pass of the mean square of the result. The modes take turns; the median over
    the rounds counts.

    Args:
        width: channels.
        pixels: height and width of the images.
        batch: number of images.
        steps: ``N``; each is four convolutions of half the channels.
        rounds: turns of each mode.

    Returns:
        ``ratios`` of times and of peaks to those of ``stored`` and of checkpointing every step, ``raw`` seconds and
        bytes by mode, and ``name``.
    """
    torch.manual_seed(0)
    F = Hamiltonian(width)
    control, u = PiecewiseConstant(F, steps), torch.randn(batch, width, pixels, pixels)
    nets = {name: Flow(F, control, Verlet(), mode(), steps, 0.1 * steps) for name, mode in MODES.items()}
    computations = {name: training_step(net, u) for name, net in nets.items()}
    seconds = median_times(computations, rounds)
    peaks = {name: peak_bytes(computation) for name, computation in computations.items()}
    return {
        "name": "gradients",
        "ratios": {
            "reversible/stored time": seconds["reversible"] / seconds["stored"],
            "reversible/checkpoint per step time": seconds["reversible"] / seconds["checkpoint per step"],
            "reversible/stored peak": peaks["reversible"] / peaks["stored"],
        },
        "raw": {"seconds": seconds, "bytes": peaks},
    }


def training_step(net: nn.Module, u: Tensor) -> Callable[[], None]:
    """Return a function that runs both passes once, on features that need a gradient."""
    u = u.clone().requires_grad_()

    def run() -> None:
        u.grad = None
        net.zero_grad()
        net(u).square().mean().backward()

    return run


def median_times(computations: Mapping[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """Return the median seconds of each computation; they take turns, after a turn that does not count."""
    times: dict[str, list[float]] = {name: [] for name in computations}
    for turn in range(rounds + 1):
        for name, computation in computations.items():
            start = time.perf_counter()
            computation()
            if turn:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}
