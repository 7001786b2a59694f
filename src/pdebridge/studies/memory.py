"""Peak memory and time of a training step against depth, for the gradient modes, by allocation and by formula."""

import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from pdebridge.bench.gradients import training_step
from pdebridge.catalogue import GRADIENTS
from pdebridge.cube import load
from pdebridge.dynamics.control import PiecewiseConstant
from pdebridge.dynamics.hamiltonian import Hamiltonian
from pdebridge.gradients.allocation import peak_bytes
from pdebridge.integrators.verlet import Verlet
from pdebridge.networks.flow import Flow
from pdebridge.networks.published import build
from pdebridge.studies.result import Measurement, StudyResult

MODES = ("stored", "checkpointed", "reversible")
WIDTH, PIXELS, IMAGES, H = 4, 32, 8, 0.1
STATE = 4 * IMAGES * WIDTH * PIXELS**2  # bytes
GRADIENT = 4 * 2 * (9 * (WIDTH // 2) ** 2 + WIDTH)  # bytes, of the weights of one step
DEPTHS = (10, 40, 100, 400)
GIB = 2**30


def memory(runs: list[Path], network: str | None = None, images: int = 32) -> StudyResult:
    """Measure a Hamiltonian block of 4 channels on 8 images of 32 x 32 pixels, and a published network if named.

    A training step is a forward and a backward pass of the mean square of the result. Cells are
    ``device-mode-N400`` and so on:

    - ``bytes``: most bytes that were alive at once among the tensors made by the step, gradients of the weights
      included; on CUDA the peak of PyTorch's allocator.
    - ``formula/bytes``: the same by `formula`.
    - ``seconds``: of a second step.
    - ``depth-in-1GiB``, in cells ``device-mode``: steps at which 1 GiB is full; the measured peaks are
      extrapolated, see `full`.

    The published network is measured on random images of CIFAR's size, stored and reversible: ``bytes`` and
    ``seconds`` of cells ``device-mode-network``.

    Args:
        runs: not used; the study stands for itself.
        network: a published name.
        images: in its batch.
    """
    found: dict[tuple[str, str], float] = {}
    arrays: dict[str, np.ndarray] = {"depths": np.array(DEPTHS)}
    for device in ("cpu", "cuda")[: 1 + torch.cuda.is_available()]:
        for mode in MODES:
            steps = [training_step(*block(mode, N, device)) for N in DEPTHS]
            peaks, seconds = [peak(step, device) for step in steps], [duration(step, device) for step in steps]
            expected = [formula(mode, N) for N in DEPTHS]
            columns = {"bytes": peaks, "formula/bytes": expected, "seconds": seconds}
            for quantity, values in columns.items():
                found |= {(f"{device}-{mode}-N{N}", quantity): v for N, v in zip(DEPTHS, values, strict=True)}
                arrays[f"{device}/{mode}/{quantity}"] = np.array(values)
            found[f"{device}-{mode}", "depth-in-1GiB"] = full(mode, peaks, GIB)
        for mode in ("stored", "reversible") if network else ():
            bytes_and_seconds = published(str(network), images, mode, device)
            arrays[f"{device}/{mode}/published"] = np.array(bytes_and_seconds)
            for quantity, value in zip(("bytes", "seconds"), bytes_and_seconds, strict=True):
                found[f"{device}-{mode}-{network}", quantity] = value
    return StudyResult([Measurement("memory", *key, [float(value)], []) for key, value in found.items()], arrays)


def block(mode: str, steps: int, device: str) -> tuple[Flow, torch.Tensor]:
    """Return the block and its features, the same for all modes."""
    torch.manual_seed(0)
    F = Hamiltonian(WIDTH)
    flow = Flow(F, PiecewiseConstant(F, steps), Verlet(), load(GRADIENTS[mode]), steps, steps * H)
    return flow.to(device), torch.randn(IMAGES, WIDTH, PIXELS, PIXELS, device=device)


def published(network: str, images: int, mode: str, device: str) -> tuple[float, float]:
    """Return peak bytes and seconds of one training step of a published network on random images."""
    torch.manual_seed(0)
    net = build(network, gradient=mode).to(device)
    step = training_step(net, torch.randn(images, 3, 32, 32, device=device))
    found: list[float] = []
    seconds = duration(lambda: found.append(peak(step, device)), device)
    return found[0], seconds


def peak(step: Callable[[], None], device: str) -> float:
    """Return the most bytes that were alive at once among what the step made."""
    if device == "cpu":
        return float(peak_bytes(step))
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    step()
    return float(torch.cuda.max_memory_allocated() - before)


def duration(step: Callable[[], None], device: str) -> float:
    """Return the seconds of one step."""
    started = time.perf_counter()
    step()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def formula(mode: str, steps: int) -> float:
    """Return the bytes of states, linearised steps and gradients of the weights at the peak.

    With ``M`` bytes a state, autograd keeps ``a M = (4 + 2 / width) M`` of one step: of each of its two layers the
    convolution, the normalised convolution, the activation and the new half of the state, each ``M / 2``, and the
    lengths of the TV norm. ``G`` is the size of a step's weights, as large as their gradient.

    - stored: ``(a N + 9/2) M``, with result, square and cotangent that the loss makes;
    - checkpointed, every ``m = ceil(sqrt(N))`` steps: ``(ceil(N/m) + a m + 7/2) M + G N``, with cotangents and the maps
      of the layer that is differentiated;
    - reversible: ``(9 + 2 / width) M + G N``: the cotangent of the result, whole and in halves, ``2 M``; nine halves of
      the last state, kept for a second pass, of the states around the step that is undone, and of their cotangents; the
      maps of one layer, ``5/2 M``, and two lengths.
    """
    a, m = 4 + 2 / WIDTH, math.ceil(math.sqrt(steps))
    gradients = steps * GRADIENT
    if mode == "stored":
        return (a * steps + 4.5) * STATE
    if mode == "checkpointed":
        return (math.ceil(steps / m) + a * m + 3.5) * STATE + gradients
    return (9 + 2 / WIDTH) * STATE + gradients


def full(mode: str, peaks: list[float], available: float) -> float:
    """Return the depth at which ``available`` bytes are full: the root of ``c + b g(N) + G N``, fitted to the peaks.

    ``g(N) = sqrt(N)`` for checkpointing; the others are lines in ``N``.
    """
    N = np.array(DEPTHS)
    if mode != "checkpointed":
        slope, offset = np.polyfit(N, peaks, 1)
        return float((available - offset) / slope)
    slope, offset = np.polyfit(np.sqrt(N), np.array(peaks) - GRADIENT * N, 1)
    return float(max(np.roots([GRADIENT, slope, offset - available])) ** 2)
