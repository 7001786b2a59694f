"""The maximisations of all layers' Hamiltonians as one batch against a loop over the layers."""

from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from pdebridge.bench.deep_network import WIDTH, network
from pdebridge.bench.gradients import shortest_times
from pdebridge.dynamics.control import PiecewiseConstant
from pdebridge.gradients.stored import stored
from pdebridge.integrators.base import State
from pdebridge.networks.classifier import FlowClassifier
from pdebridge.networks.flow import Flow
from pdebridge.networks.opening import PadOpening
from pdebridge.optimisation.batched_quasi_newton import minimise
from pdebridge.optimisation.hamiltonians import Layers, Recorder

CLASSES, RHO = 5, 10.0


def measure(
    depths: tuple[int, ...] = (32, 256), batches: tuple[int, ...] = (20, 200, 1000), rounds: int = 3
) -> dict[str, Any]:
    """Return the time of ten L-BFGS iterations on every augmented Hamiltonian, as one batch relative to a loop.

    Width 8, tanh, forward Euler to T = 5, weights smooth in depth, float64, one thread. The loop runs the same code
    layer by layer; its line searches end when that one layer has decreased, those of the batch when all have.

    Args:
        depths: ``N``.
        batches: numbers of samples.
        rounds: turns of each; the shortest counts.

    Returns:
        ``ratios`` of the times, ``raw`` seconds and the largest relative difference of the weights found, and ``name``.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    ratios: dict[str, float] = {}
    raw: dict[str, Any] = {"device": device, "threads": torch.get_num_threads()}
    for N in depths:
        for samples in batches:
            together, alone = stages(N, samples, device)
            seconds = shortest_times({"batch": partial(found, together), "loop": partial(found, alone)}, rounds)
            name = f"N = {N}, batch {samples}"
            ratios[f"time: maximisation of all layers at once / loop, {name}"] = seconds["batch"] / seconds["loop"]
            difference = (found(together) - found(alone)).abs().max() / found(together).abs().max()
            raw[name] = seconds | {"difference": float(difference)}
    return {"name": "maximum-principle", "ratios": ratios, "raw": raw}


def found(parts: list[Layers]) -> Tensor:
    """Return the weights that maximise the Hamiltonians, part by part."""
    return torch.cat([minimise(part, part.rows()) for part in parts])


def stages(N: int, samples: int, device: str) -> tuple[list[Layers], list[Layers]]:
    """Return the Hamiltonians of all layers, and those of one layer each, where random labels are to be learnt."""
    flow = network(N, "smooth", stored)
    generator = torch.Generator().manual_seed(1)
    y = torch.randn(samples, WIDTH, generator=generator, dtype=torch.float64).to(device)
    c = torch.randint(CLASSES, (samples,), generator=generator).to(device)
    net = FlowClassifier(PadOpening(WIDTH, WIDTH), flow, WIDTH, CLASSES).double().to(device)
    flow.gradient = recorder = Recorder()
    cross_entropy(net(y), c).backward()
    X, P = recorder.trajectory()
    whole = Layers(net, (X, P), RHO, 1e-4, 0.0)
    return [whole], [layer(net, (X, P), k) for k in range(N)]


def layer(net: FlowClassifier, trajectory: tuple[State, State], k: int) -> Layers:
    """Return the Hamiltonian of layer ``k`` as a network of one layer has it."""
    flow = net.flow
    control = PiecewiseConstant(flow.dynamics, 1)
    for w, all_w in zip(control.coefficients, flow.control.coefficients, strict=True):
        w.data = all_w.data[k : k + 1].clone()
    one = Flow(flow.dynamics, control, flow.integrator, stored, 1, flow.h)
    X, P = (tuple(part[k : k + 2] for part in values) for values in trajectory)
    return Layers(FlowClassifier(net.opening, one, WIDTH, CLASSES), (X, P), RHO, 1e-4, 0.0)
