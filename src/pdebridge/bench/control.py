"""Layer-parallel against the serial loop of layers, on one device: depth turned into batch."""

import time
from itertools import product
from typing import Any

import torch
from torch import Tensor

from pdebridge.bench.deep_network import WIDTH, network, relative
from pdebridge.bench.gradients import shortest_times, training_step
from pdebridge.bench.schedule import chain
from pdebridge.gradients.layer_parallel import LayerParallel
from pdebridge.gradients.stored import stored
from pdebridge.gradients.taped import Taped
from pdebridge.networks.flow import Flow

TOLERANCE = 1e-2  # of the gradient
MOST = 6  # cycles
# the start that fits weights that are smooth in depth, and the relaxation that is cheapest for their gradient
SOLVER: dict[str, Any] = {"nested": True, "relaxations": (0, 1)}


def measure(
    depths: tuple[int, ...] = (1024, 4096),
    batches: tuple[int, ...] = (20, 200),
    factors: tuple[int, ...] = (4, 16, 64),
    rounds: int = 5,
) -> dict[str, Any]:
    """Return the time of forward and backward pass by multigrid in time relative to the serial loop's.

    Width 8, tanh, forward Euler to T = 5, weights smooth in depth, float32, one thread, whose own seconds count on a
    processor. Nested start, V-cycles with F-relaxation on the finest level and FCF on the others, as many as a
    gradient error of 1e-2 takes, at most six. The serial loop is ``stored``, and beside it ``taped``, which takes the
    same closed form of a layer's derivative as the multigrid.

    Args:
        depths: ``N``.
        batches: numbers of samples.
        factors: ``m`` of all levels.
        rounds: turns of each; the shortest counts.

    Returns:
        ``ratios`` of the times, ``raw`` seconds, cycles, gradient errors and ``work``, the steps of the forward solve
        in units of ``N``, and ``name``.
    """
    torch.set_num_threads(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    clock = time.perf_counter if device == "cuda" else time.process_time
    ratios: dict[str, float] = {}
    raw: dict[str, Any] = {"device": device, "threads": 1}
    for N, batch in product(depths, batches):
        u = torch.randn(batch, WIDTH, generator=torch.Generator().manual_seed(1)).to(device)
        serial, taped = (network(N, "smooth", mode).to(device, torch.float32) for mode in (stored, Taped()))
        found = {m: parallel(serial, u, m) for m in factors}
        nets = {"serial": serial, "taped": taped} | {str(m): net for m, (net, _, _) in found.items()}
        seconds = shortest_times({name: training_step(net, u) for name, net in nets.items()}, rounds, clock)
        for m, (_, cycles, error) in found.items():
            name, took = f"N = {N}, batch {batch}, m = {m}", seconds[str(m)]
            ratios |= {f"time: layer-parallel / {loop}, {name}": took / seconds[loop] for loop in ("serial", "taped")}
            work = chain(N, factor=m, cycles=cycles, **SOLVER) / N
            raw[name] = {"seconds": took, "cycles": cycles, "error": error, "work": work}
            raw[name] |= {loop: seconds[loop] for loop in ("serial", "taped")}
    return {"name": "control", "ratios": ratios, "raw": raw}


def parallel(serial: Flow, u: Tensor, m: int) -> tuple[Flow, int, float]:
    """Return the network with the fewest cycles that reach the tolerance, their number, and the gradient error."""
    exact = gradient(serial, u)
    for cycles in range(1, MOST + 1):
        net = network(serial.steps, "smooth", LayerParallel(cycles, factor=m, **SOLVER)).to(u.device, torch.float32)
        error = relative(gradient(net, u), exact)
        if error <= TOLERANCE:
            break
    return net, cycles, error


def gradient(net: Flow, u: Tensor) -> Tensor:
    """Return the gradient of the mean square of the result in all weights."""
    pulled = torch.autograd.grad(net(u).square().mean(), list(net.parameters()))
    return torch.cat([g.flatten() for g in pulled])
