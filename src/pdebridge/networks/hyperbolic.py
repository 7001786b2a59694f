"""The fully hyperbolic network: leapfrog flows joined by wavelet transforms, one bijection from end to end.

Lensink, Peters & Haber (2022), Fully hyperbolic convolutional neural networks.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from pdebridge.integrators.march import retreat
from pdebridge.networks.flow import Flow
from pdebridge.networks.point import MakeGradient, Point
from pdebridge.networks.wavelet import Haar

Unit = tuple[int, Literal["down", "up", ""]]


class FullyHyperbolic(nn.Module):
    """``y'' = -K^T sigma(N(K y))`` on grids that a Haar transform of ``(y, y')`` makes coarser or finer.

    There is no opening and no pooling that forgets: the features are a bijection of the image, `inverse` is its
    inverse, and memory need not grow with depth. The transforms are fixed, as in the public code.

    Args:
        channels: of the image.
        classes: number of classes.
        units: steps of each flow and the transform after it, ``down``, ``up`` or none (empty).
        dimension: 2 for images, 3 for volumes.
        h: step size.
        dense: classify every pixel by a convolution, in place of the mean over all pixels.
        gradient: the gradient mode, by name or `mode_named`.
    """

    def __init__(
        self,
        channels: int,
        classes: int,
        units: Sequence[Unit],
        dimension: int = 2,
        h: float = 0.1,
        dense: bool = False,
        gradient: str | MakeGradient = "stored",
    ) -> None:
        super().__init__()
        point = Point("second-order", "leapfrog-pair", gradient, {"pair": True, "operator": f"conv{dimension}d"})
        width, body = 2 * channels, list[nn.Module]()
        for steps, joint in units:
            body.append(point.flow(width, steps, h))
            if joint:
                body.append(Haar(dimension, up=joint == "up"))
                width = width * 2**dimension if joint == "down" else width // 2**dimension
        self.body = nn.ModuleList(body)
        pixelwise = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[dimension - 1]
        mean = nn.Sequential(
            nn.Flatten(2), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(width // 2, classes, False)
        )
        self.classifier = pixelwise(width // 2, classes, 3, padding=1, bias=False) if dense else mean

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits, ``(batch, classes)`` or ``(batch, classes, *pixels)``."""
        y, _ = self.features(images).chunk(2, dim=1)
        return self.classifier(y)

    def features(self, images: Tensor) -> Tensor:
        """Return ``(y, y')`` at the end for ``(y, y') = (images, 0)`` at the start."""
        u = torch.cat([images, torch.zeros_like(images)], dim=1)
        for module in self.body:
            u = module(u)
        return u

    def inverse(self, u: Tensor) -> Tensor:
        """Return ``(images, 0)`` for the `features` of images."""
        for module in reversed(self.body):
            if isinstance(module, Haar):
                u = module.inverse(u)
            elif isinstance(module, Flow):
                step, theta = module.integrator, module.control.sample(module.steps, module.integrator.abscissae)
                u = step.finish(retreat(step, module.dynamics, theta, step.start(u), module.steps, module.h))
        return u
