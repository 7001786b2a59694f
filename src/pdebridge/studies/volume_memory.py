"""Peak memory of a training step against the size of the volume: what reversibility buys, and the largest that fits."""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from pdebridge.configuration.model import Named
from pdebridge.configuration.segmentation import SegmentationCell
from pdebridge.gradients.allocation import peak_bytes
from pdebridge.gradients.reversible import Reversible
from pdebridge.networks.regularisation import flows
from pdebridge.studies.result import Measurement, StudyResult
from pdebridge.training.restore import opened
from pdebridge.training.scans import laid_out
from pdebridge.training.segmentation import soft_dice

SIDES = (32, 48, 64, 96, 128, 160)
CLASSES = 3
AVAILABLE = 16 * 2**30  # bytes
HIGH_WATER = Path("/proc/self/status")
MOST = 4096  # voxels along an axis, beyond which nobody looks


class Unjudged(Reversible):
    """The reversible gradient in a pass of shapes alone, in which no error can be read."""

    def judge(self, steps: int, h: float) -> bool:
        """Accept the pass."""
        return False


def volume_memory(runs: list[Path], sides: Sequence[int] = SIDES, measured: Sequence[int] = (32,)) -> StudyResult:
    """Find the peak of one training step on one cubic volume for the network of every cell and each of its gradients.

    A step is the value of the loss, Dice and cross-entropy, and its gradient, in single precision. Cells
    ``cell-gradient-N64`` and so on:

    - ``counted/bytes``: the most bytes that are alive at once among the tensors which the step makes, gradients of the
      weights included, by a pass of shapes alone (PyTorch's fake tensors), which costs nothing at any size;
    - ``bytes``: the same of a pass that computes, for the sides of ``measured``;
    - ``resident/bytes``: by how much such a pass raises the most memory that a process of its own has had, scratch
      memory inside kernels included (Linux).

    Of a cell ``cell-gradient``: ``side-in-16GiB``, the largest side of a cube whose step makes no more than 16 GiB, by
    counting.

    Arrays: ``memory/cells``, the names ``cell-gradient``; ``memory/sides`` and ``memory/measured``; of each name
    ``memory/name/counted/bytes``, ``memory/name/bytes``, ``memory/name/resident/bytes`` and ``memory/name/largest``.

    Args:
        runs: run directories of segmentations of volumes.
        sides: voxels along an axis, multiples of what the networks need.
        measured: those that are computed.
    """
    cells = {cell.cell: cell for cell, _ in (opened(folder, SegmentationCell) for folder in runs)}
    points = {f"{name}-{mode}": (cell, mode) for name, cell in cells.items() for mode in gradients(cell)}
    arrays = {"sides": np.array(sides), "measured": np.array(measured), "cells": np.array(list(points))}
    found: list[Measurement] = []
    for name, (cell, mode) in points.items():
        by_side = {"counted/bytes": {N: counted(cell, mode, N) for N in sides}}
        by_side |= {"bytes": {N: computed(cell, mode, N) for N in measured}}
        by_side |= {"resident/bytes": {N: resident(cell, mode, N) for N in measured if HIGH_WATER.is_file()}}
        for quantity, peaks in by_side.items():
            arrays[f"{name}/{quantity}"] = np.array(list(peaks.values()))
            found += [Measurement(cell.experiment, f"{name}-N{N}", quantity, [v], []) for N, v in peaks.items()]
        side = largest(cell, mode, AVAILABLE)
        arrays[f"{name}/largest"] = np.array(side)
        found.append(Measurement(cell.experiment, name, "side-in-16GiB", [side], []))
    return StudyResult(found, {f"memory/{name}": array for name, array in arrays.items()})


def gradients(cell: SegmentationCell) -> list[str]:
    """Return the gradient modes of a cell: its own, and the stored one."""
    return list(dict.fromkeys((cell.network.gradient.name, "stored")))


def network_of(cell: SegmentationCell, mode: str) -> nn.Module:
    """Return the network of a cell with initial weights and another gradient mode."""
    torch.manual_seed(0)
    spec = cell.network.model_copy(update={"gradient": Named(name=mode)})
    return laid_out(spec, CLASSES)


def training_step(net: Callable[[Tensor], Tensor], side: int) -> Callable[[], None]:
    """Return a step on one cube: the loss of random labels, and its gradient."""
    x, c = torch.randn(1, 1, side, side, side), torch.randint(CLASSES, (1, side, side, side))

    def step() -> None:
        values = net(x)
        (1 - soft_dice(values, c) + cross_entropy(values, c)).backward()

    return step


def counted(cell: SegmentationCell, mode: str, side: int) -> float:
    """Return the peak of a step by shapes alone."""
    net, shapes = network_of(cell, mode), FakeTensorMode()
    for flow in flows(net):
        if isinstance(flow.gradient, Reversible):
            flow.gradient = Unjudged()
    every = (*net.named_parameters(), *net.named_buffers())
    weights: dict[str, Tensor] = {name: shapes.from_tensor(w) for name, w in every}
    with shapes:
        return float(peak_bytes(training_step(lambda x: functional_call(net, weights, (x,)), side)))


def computed(cell: SegmentationCell, mode: str, side: int) -> float:
    """Return the peak of a step that computes."""
    return float(peak_bytes(training_step(network_of(cell, mode), side)))


def largest(cell: SegmentationCell, mode: str, available: int) -> float:
    """Return the largest side, a multiple of what the network needs, whose step makes no more than so many bytes."""
    unit = int(getattr(network_of(cell, mode), "divisor", 1))
    low, high = 1, MOST // unit
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if counted(cell, mode, unit * middle) <= available else (low, middle)
    return float(unit * low)


def resident(cell: SegmentationCell, mode: str, side: int) -> float:
    """Return by how many bytes a step raises the most memory that a process of its own has had."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return float(process.submit(growth, cell, mode, side).result())


def growth(cell: SegmentationCell, mode: str, side: int) -> int:
    """Return the growth of the largest resident set by one step, after one on a small cube."""
    torch.set_num_threads(1)
    net = network_of(cell, mode)
    training_step(net, 16)()
    step = training_step(net, side)
    before = high_water()
    step()
    return high_water() - before


def high_water() -> int:
    """Return the largest resident set that this process has had, in bytes."""
    (line,) = (line for line in HIGH_WATER.read_text().splitlines() if line.startswith("VmHWM:"))
    return 1024 * int(line.split()[1])
