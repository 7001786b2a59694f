"""The fully hyperbolic network: leapfrog flows joined by wavelet transforms, one bijection from end to end.

Lensink, Peters & Haber (2022), Fully hyperbolic convolutional neural networks.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from pdebridge.dynamics.spaced import SpacedConvolution
from pdebridge.integrators.march import retreat
from pdebridge.networks.flow import Flow
from pdebridge.networks.point import MakeGradient, Point
from pdebridge.networks.wavelet import Haar, synthesis

Unit = tuple[int, Literal["down", "up", ""]]


class FullyHyperbolic(nn.Module):
    """``y'' = -K^T sigma(N(K y))`` on grids that a Haar transform of ``(y, y')`` makes coarser or finer.

    There is no opening and no pooling that forgets: the features are a bijection of the image, `inverse` is its
    inverse, and memory need not grow with depth. The transforms are fixed, as in the public code.

    Dense prediction classifies every pixel by a convolution of ``y``. Where the body ends ``l`` levels below the image
    the convolution has ``2^(dl)`` values a class, the Haar coefficients of its logits.

    Args:
        channels: of the image.
        classes: number of classes.
        units: steps of each flow, 0 for none, and the transform after it, ``down``, ``up`` or none (empty).
        dimension: 2 for images, 3 for volumes.
        h: step size.
        dense: classify every pixel, in place of the mean over all pixels.
        extra: channels of zeros that are put after those of the image.
        spaced: the kernels belong to spacing 1 and follow that of the grid, see `at_spacing`.
        normalisation: ``N``: ``tv``, ``group``, or ``none`` for the bias alone.
        distribution: of the initial kernels, as in `Parabolic`; ``truncated`` counts the taps of all axes, so that
            kernels in 3-D are no larger than those in 2-D.
        middle: of the grey levels, subtracted from the image.
        gain: by which the rest is multiplied: without normalisation, the size of the features is that of the image.
        gradient: the gradient mode, by name or `mode_named`.

    Raises:
        ValueError: the units go up to a grid that is finer than the image.
    """

    def __init__(
        self,
        channels: int,
        classes: int,
        units: Sequence[Unit],
        dimension: int = 2,
        h: float = 0.1,
        dense: bool = False,
        extra: int = 0,
        spaced: bool = False,
        normalisation: str = "tv",
        distribution: str = "normal",
        middle: float = 0.0,
        gain: float = 1.0,
        gradient: str | MakeGradient = "stored",
    ) -> None:
        super().__init__()
        operator = f"{'spaced-' if spaced else ''}conv{dimension}d"
        options = {"pair": True, "operator": operator, "normalisation": normalisation, "distribution": distribution}
        point = Point("second-order", "leapfrog-pair", gradient, options)
        self.extra, self.levels, self.middle, self.gain = extra, levels(units), middle, gain
        width, body = 2 * (channels + extra), list[nn.Module]()
        for steps, joint in units:
            if steps:
                body.append(point.flow(width, steps, h))
            if joint:
                body.append(Haar(dimension, up=joint == "up"))
                width = width * 2**dimension if joint == "down" else width // 2**dimension
        self.body = nn.ModuleList(body)
        self.dimension, self.end = dimension, self.levels[-1] if dense else 0
        pixelwise = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[dimension - 1]
        mean = nn.Sequential(
            nn.Flatten(2), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(width // 2, classes, False)
        )
        values = classes * 2 ** (dimension * self.end)
        self.classifier = pixelwise(width // 2, values, 3, padding=1, bias=False) if dense else mean

    @property
    def divisor(self) -> int:
        """Return what the sides of the grid must be multiples of."""
        return 2 ** max(self.levels)

    def at_spacing(self, ratios: Sequence[float]) -> None:
        """Set the spacing of the grid along each axis, in units of that at which the kernels are their weights.

        All levels have the same: where a grid is twice as coarse, so is the unit. Only ``spaced`` networks notice.
        """
        for module in self.body:
            operator = module.dynamics.operator if isinstance(module, Flow) else None
            if isinstance(operator, SpacedConvolution):
                operator.ratios = tuple(ratios)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits, ``(batch, classes)`` or ``(batch, classes, *pixels)``."""
        y, _ = self.features(images).chunk(2, dim=1)
        logits: Tensor = self.classifier(y)
        for _ in range(self.end):
            logits = synthesis(logits, self.dimension)
        return logits

    def features(self, images: Tensor) -> Tensor:
        """Return ``(y, y')`` at the end for ``(y, y') = ((gain (images - middle), 0), 0)`` at the start."""
        y = pad(self.gain * (images - self.middle), (0, 0) * self.dimension + (0, self.extra))
        u = torch.cat([y, torch.zeros_like(y)], dim=1)
        for module in self.body:
            u = module(u)
        return u

    def inverse(self, u: Tensor) -> Tensor:
        """Return ``((gain (images - middle), 0), 0)`` for the `features` of images."""
        for module in reversed(self.body):
            if isinstance(module, Haar):
                u = module.inverse(u)
            elif isinstance(module, Flow):
                step, theta = module.integrator, module.control.sample(module.steps, module.integrator.abscissae)
                u = step.finish(retreat(step, module.dynamics, theta, step.start(u), module.steps, module.h))
        return u


def levels(units: Sequence[Unit]) -> list[int]:
    """Return how far below the image's grid the features are after each unit."""
    moves = {"down": 1, "up": -1, "": 0}
    found = list(accumulate((moves[joint] for _, joint in units), initial=0))
    if min(found) < 0:
        raise ValueError(f"units go up to a grid that is finer than the image (found {[list(unit) for unit in units]})")
    return found
