"""The U-Net: what dense prediction is usually done with, and what the hyperbolic network is measured against.

Ronneberger, Fischer & Brox (MICCAI 2015); in three dimensions Çiçek et al. (MICCAI 2016).
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate


class UNet(nn.Module):
    """Features on coarser and coarser grids, back up with those of the same grid beside them, and a 1x1 classifier.

    On each grid two 3x3 convolutions with instance normalisation and ReLU; down by the maximum of 2x2 pixels, up by
    repetition. Batches of whole volumes are small, so that instances are normalised, not batches. With ``d`` axes and
    widths ``w_0, ..., w_L`` and ``w_{-1} = c`` it has ``3^d sum_{l<=L} (w_{l-1} + w_l) w_l`` weights in the kernels of
    the way down, ``3^d sum_{l<L} (w_{l+1} + 2 w_l) w_l`` of the way up, two a channel and convolution in
    normalisations, and ``C (w_0 + 1)`` in the classifier.

    Args:
        channels: of the image.
        classes: number of classes.
        widths: channels on each grid, finest first.
        dimension: 2 for images, 3 for volumes.
    """

    def __init__(self, channels: int, classes: int, widths: Sequence[int], dimension: int = 2) -> None:
        super().__init__()
        self.divisor = 2 ** (len(widths) - 1)
        pixelwise = (nn.Conv2d, nn.Conv3d)[dimension - 2]
        self.pool: nn.Module = (nn.MaxPool2d(2), nn.MaxPool3d(2))[dimension - 2]
        pairs = list(pairwise([channels, *widths]))
        self.down = nn.ModuleList([double(before, after, dimension) for before, after in pairs])
        up = list(pairwise(reversed(widths)))
        self.up = nn.ModuleList([double(below + beside, beside, dimension) for below, beside in up])
        self.classifier = pixelwise(widths[0], classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits ``(batch, classes, *pixels)``."""
        u, kept = images, []
        for i, layers in enumerate(self.down):
            u = layers(self.pool(u) if i else u)
            kept.append(u)
        kept.pop()
        for layers in self.up:
            u = layers(torch.cat([interpolate(u, scale_factor=2), kept.pop()], dim=1))
        logits: Tensor = self.classifier(u)
        return logits


def double(before: int, after: int, dimension: int) -> nn.Sequential:
    """Return two convolutions, each normalised and rectified."""
    convolution, norm = ((nn.Conv2d, nn.InstanceNorm2d), (nn.Conv3d, nn.InstanceNorm3d))[dimension - 2]
    layers: list[nn.Module] = []
    for width in (before, after):
        layers += [convolution(width, after, 3, padding=1, bias=False), norm(after, affine=True), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)
