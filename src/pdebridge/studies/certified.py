"""How many images of each class are safe within a radius: proved, and under attack."""

from collections import defaultdict
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from pdebridge.networks.lipschitz import LipschitzClassifier
from pdebridge.studies.result import Measurement, StudyResult
from pdebridge.training.restore import Run, restore

RADII = (36, 72, 108)  # of 255, the levels of a pixel
CURVE = np.linspace(0, 255, 52)
ITERATIONS = 40
EVALUATED = 1000  # images at once


def certified(
    runs: list[Path], images: int = 10_000, part: Literal["test", "val"] = "test", attacked: int = 10_000
) -> StudyResult:
    """Measure clean, certified and attacked accuracy (%) of every run in Euclidean balls around its test images.

    - ``clean/accuracy``: of the images as they are;
    - ``certified-36/accuracy`` and so on: images whose class no image within 36/255 changes, by the proved Lipschitz
      constant of the network (`LipschitzClassifier.radii`);
    - ``attacked-36/accuracy``: images whose class projected gradient ascent of the worst margin within that distance
      does not change; neither the images nor their neighbours are held to [0, 1];
    - ``lipschitz``: the constant.

    An attack cannot beat the proof, and the image itself is among its candidates: certified <= attacked <= clean,
    where all images are attacked.

    Arrays: the radii in pixels ``radius``; ``cell/certified`` with a row a seed; ``cell/attacked`` at the radii
    ``attacked``, the first one 0.

    Args:
        runs: run directories of networks with a known Lipschitz constant on images with a test part.
        images: so many of them are looked at.
        part: of the data, ``test``, or ``val`` where settings are chosen.
        attacked: so many of these images are attacked, the first ones: an attack costs 80 passes, a proof one.
    """
    values: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    names: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    rows: dict[str, list[list[float]]] = defaultdict(list)
    for folder in runs:
        run = restore(folder)
        measured, curve = measure(run, images, part, attacked)
        for quantity, value in measured.items():
            values[run.cell.experiment, run.cell.cell, quantity].append(value)
            names[run.cell.experiment, run.cell.cell, quantity].append(str(folder))
        rows[f"{run.cell.cell}/certified"].append(curve)
        held = [measured["clean/accuracy"], *(measured[f"attacked-{r}/accuracy"] for r in RADII)]
        rows[f"{run.cell.cell}/attacked"].append(held)
    arrays = {name: np.array(seeds) for name, seeds in rows.items()}
    arrays |= {"radius": CURVE, "attacked": np.array([0.0, *RADII])}
    return StudyResult([Measurement(*key, values[key], names[key]) for key in values], arrays)


def measure(run: Run, images: int, part: str, attacked: int) -> tuple[dict[str, float], list[float]]:
    """Return the quantities of a run, and its certified accuracies at the radii of the curve."""
    net = run.net
    if not isinstance(net, LipschitzClassifier):
        raise ValueError(
            f"the study 'certified' needs networks of a known Lipschitz constant, not {type(net).__name__}"
        )
    x, c = (values[:images] for values in run.data[part])
    pairs = list(zip(x.split(EVALUATED), c.split(EVALUATED), strict=True))
    hunted = list(zip(x[:attacked].split(EVALUATED), c[:attacked].split(EVALUATED), strict=True))
    radii = torch.cat([net.radii(*pair) for pair in pairs])
    measured = {"lipschitz": net.lipschitz(), "clean/accuracy": share(radii > 0)}
    for r in RADII:
        torch.manual_seed(run.seed)
        measured[f"certified-{r}/accuracy"] = share(radii > r / 255)
        measured[f"attacked-{r}/accuracy"] = share(torch.cat([withstands(net, *pair, r / 255) for pair in hunted]))
    return measured, [share(radii > r / 255) for r in CURVE]


def share(held: Tensor) -> float:
    """Return the mean in per cent."""
    return 100 * float(held.double().mean())


def withstands(net: LipschitzClassifier, x: Tensor, c: Tensor, radius: float) -> Tensor:
    """Tell of every image whether gradient ascent of the worst margin within the radius leaves its class.

    Steps of a fifth of the radius along the normalised gradient, projected onto the ball, from a random point in it.
    """
    d = projected(torch.randn_like(x), radius) * torch.rand(len(x), 1, 1, 1, dtype=x.dtype)
    held = margin(net, x, c) > 0
    for _ in range(ITERATIONS):
        d.requires_grad_()
        now = margin(net, x + d, c)
        held &= now > 0
        (g,) = torch.autograd.grad(now.sum(), d)
        step = normalize(g.flatten(1)).view_as(g)
        d = projected(d.detach() - radius / 5 * step, radius)
    with torch.no_grad():
        return held & (margin(net, x + d, c) > 0)


def projected(d: Tensor, radius: float) -> Tensor:
    """Return the nearest points of the ball of a radius to the rows of ``d``."""
    norms = d.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    return d * (radius / norms.clamp_min(1e-30)).clamp_max(1)


def margin(net: LipschitzClassifier, x: Tensor, c: Tensor) -> Tensor:
    """Return ``z_c - max_{j != c} z_j``, positive where the class is ``c``."""
    z = net(x)
    return z.gather(1, c[:, None]).squeeze(1) - z.scatter(1, c[:, None], -torch.inf).amax(1)
