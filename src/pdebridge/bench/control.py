"""Layer-parallel against the serial loop of layers, on one device: depth turned into batch."""

from typing import Any

import torch
from torch import Tensor

from pdebridge.bench.deep_network import WIDTH, network, relative
from pdebridge.bench.gradients import shortest_times, training_step
from pdebridge.gradients.layer_parallel import LayerParallel
from pdebridge.gradients.stored import stored
from pdebridge.networks.flow import Flow

TOLERANCE = 1e-2  # of the gradient
MOST = 6  # cycles


def measure(
    depths: tuple[int, ...] = (1024, 4096),
    batches: tuple[int, ...] = (20, 200),
    factors: tuple[int, ...] = (4, 16, 64),
    rounds: int = 5,
) -> dict[str, Any]:
    """Return the time of forward and backward pass by multigrid in time relative to the serial loop's.

    Width 8, tanh, forward Euler to T = 5, weights smooth in depth, float32, one thread. As many V-cycles with
    FCF-relaxation as a gradient error of 1e-2 takes, at most six.

    Args:
        depths: ``N``.
        batches: numbers of samples.
        factors: ``m`` of all levels.
        rounds: turns of each; the shortest counts.

    Returns:
        ``ratios`` of the times, ``raw`` seconds, cycles and gradient errors, and ``name``.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    ratios: dict[str, float] = {}
    raw: dict[str, Any] = {"device": device, "threads": torch.get_num_threads()}
    for N in depths:
        for batch in batches:
            u = torch.randn(batch, WIDTH, generator=torch.Generator().manual_seed(1)).to(device)
            serial = network(N, "smooth", stored).to(device, torch.float32)
            nets = {m: parallel(serial, u, m) for m in factors}
            steps = {"serial": training_step(serial, u)}
            steps |= {str(m): training_step(net, u) for m, (net, _, _) in nets.items()}
            seconds = shortest_times(steps, rounds)
            for m, (_, cycles, error) in nets.items():
                name = f"N = {N}, batch {batch}, m = {m}"
                ratios[f"time: layer-parallel / serial, {name}"] = seconds[str(m)] / seconds["serial"]
                raw[name] = {"seconds": seconds[str(m)], "serial": seconds["serial"], "cycles": cycles, "error": error}
    return {"name": "control", "ratios": ratios, "raw": raw}


def parallel(serial: Flow, u: Tensor, m: int) -> tuple[Flow, int, float]:
    """Return the network with the fewest cycles that reach the tolerance, their number, and the gradient error."""
    exact = gradient(serial, u)
    for cycles in range(1, MOST + 1):
        net = network(serial.steps, "smooth", LayerParallel(cycles, factor=m)).to(u.device, torch.float32)
        error = relative(gradient(net, u), exact)
        if error <= TOLERANCE:
            break
    return net, cycles, error


def gradient(net: Flow, u: Tensor) -> Tensor:
    """Return the gradient of the mean square of the result in all weights."""
    pulled = torch.autograd.grad(net(u).square().mean(), list(net.parameters()))
    return torch.cat([g.flatten() for g in pulled])
