"""Accuracy of trained networks on test images that noise or an adversary has changed."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from pdebridge.cube import known
from pdebridge.studies.result import Measurement, StudyResult
from pdebridge.training.restore import Run, restore

Network = Callable[[Tensor], Tensor]
Change = Callable[[Network, Tensor, Tensor, float], Tensor]

ITERATIONS = 10


def robustness(runs: list[Path], kinds: Sequence[str] | None = None) -> StudyResult:
    """Measure accuracy (%) of every run on its test images, which have values in [0, 1] and stay there.

    - ``noise-0.1/accuracy`` and so on: Gaussian noise of that standard deviation, the same for all networks of a seed;
    - ``fgsm-0.05/accuracy``: one step of the fast gradient sign method (Goodfellow et al., ICLR 2015) of that size;
    - ``pgd-0.05/accuracy``: projected gradient ascent (Madry et al., ICLR 2018) within that distance in the maximum
      norm, 10 steps of a quarter of it from a random point;
    - ``clean/accuracy``: of the images as they are.

    Arrays: per kind of change its sizes, ``cell/kind`` with a row a seed and a column a size, the first one 0; and the
    number of training images, ``cell/images``.

    Args:
        runs: run directories of networks on images with a test part.
        kinds: of `noise`, `fgsm`, `pgd`; all if empty.
    """
    values: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    names: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    rows: dict[str, list[list[float]]] = defaultdict(list)
    changes = {kind: known(kind, CHANGES, "change of images") for kind in kinds or CHANGES}
    arrays = {kind: np.array([0.0, *sizes]) for kind, (_, sizes) in changes.items()}
    for folder in runs:
        run = restore(folder)
        cell = run.cell.cell
        arrays[f"{cell}/images"] = np.array(len(run.data["train"][0]))
        clean = accuracy(run, unchanged, 0.0)
        measured = {"clean/accuracy": clean}
        for kind, (change, sizes) in changes.items():
            found = [accuracy(run, change, size) for size in sizes]
            rows[f"{cell}/{kind}"].append([clean, *found])
            measured |= {f"{kind}-{size:g}/accuracy": value for size, value in zip(sizes, found, strict=True)}
        for quantity, value in measured.items():
            values[run.cell.experiment, cell, quantity].append(value)
            names[run.cell.experiment, cell, quantity].append(str(folder))
    arrays |= {name: np.array(seeds) for name, seeds in rows.items()}
    return StudyResult([Measurement(*key, values[key], names[key]) for key in values], arrays)


def accuracy(run: Run, change: Change, size: float) -> float:
    """Return the accuracy in per cent on the changed test images."""
    x, c = run.data["test"]
    torch.manual_seed(run.seed)
    changed = change(run.net, x, c, size)
    with torch.no_grad():
        return 100 * float((run.net(changed).argmax(1) == c).double().mean())


def unchanged(net: Network, x: Tensor, c: Tensor, size: float) -> Tensor:
    """Return the images as they are."""
    return x


def noise(net: Network, x: Tensor, c: Tensor, size: float) -> Tensor:
    """Add Gaussian noise of the standard deviation ``size``."""
    return (x + size * torch.randn_like(x)).clamp(0, 1)


def fgsm(net: Network, x: Tensor, c: Tensor, size: float) -> Tensor:
    """Go ``size`` along the sign of the gradient of the loss."""
    return (x + size * ascent(net, x, c)).clamp(0, 1)


def pgd(net: Network, x: Tensor, c: Tensor, size: float) -> Tensor:
    """Climb the loss by steps of ``size / 4`` in the box of half-width ``size`` around the images."""
    low, high = (x - size).clamp_min(0), (x + size).clamp_max(1)
    z = torch.lerp(low, high, torch.rand_like(x))
    for _ in range(ITERATIONS):
        z = (z + size / 4 * ascent(net, z, c)).clamp(low, high)
    return z


def ascent(net: Network, x: Tensor, c: Tensor) -> Tensor:
    """Return the sign of the derivative of the cross-entropy in the images."""
    x = x.detach().requires_grad_()
    return torch.autograd.grad(cross_entropy(net(x), c), x)[0].sign()


CHANGES: dict[str, tuple[Change, tuple[float, ...]]] = {
    "noise": (noise, (0.1, 0.2, 0.3, 0.5)),
    "fgsm": (fgsm, (0.02, 0.05, 0.1)),
    "pgd": (pgd, (0.05, 0.1)),
}
