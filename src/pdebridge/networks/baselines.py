"""The networks that the stable ones are compared with: pre-activation ResNet and RevNet for CIFAR-size images."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pdebridge.dynamics.draw import draw
from pdebridge.networks.convolution import BatchNorm, ConvNormReLU
from pdebridge.networks.point import MakeGradient, Point
from pdebridge.networks.pooled import PoolAndPad, PooledClassifier


def convolution(before: int, after: int, stride: int = 1) -> nn.Conv2d:
    """Return a 3x3 convolution without bias, drawn like the others."""
    made = nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False)
    made.weight.data = draw("truncated", tuple(made.weight.shape))
    return made


class ResidualLayers(nn.Sequential):
    """``K_2 relu(N(K_1 relu(N(u))))`` with ``before`` channels in, ``after`` out and a stride in ``K_1``."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__(
            BatchNorm(before),
            nn.ReLU(),
            convolution(before, after, stride),
            BatchNorm(after),
            nn.ReLU(),
            convolution(after, after),
        )


class Descent(nn.Module):
    """The first block of a stage: ``P u + K_2 relu(N(K_1 relu(N(u))))``, stride 2 in ``K_1``, ``P`` pools and pads."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.shortcut, self.layers = PoolAndPad(before, after), ResidualLayers(before, after, 2)

    def forward(self, u: Tensor) -> Tensor:
        """Return features of twice the channels on half the grid."""
        return self.shortcut(u) + self.layers(u)


class CoupledDescent(nn.Module):
    """The same in two halves: ``y_1 = P y + F(z)``, ``z_1 = P z + G(y_1)``; it is not reversible."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.shortcut = PoolAndPad(before // 2, after // 2)
        self.first = ResidualLayers(before // 2, after // 2, 2)
        self.second = ResidualLayers(after // 2, after // 2, 1)

    def forward(self, u: Tensor) -> Tensor:
        """Return features of twice the channels on half the grid."""
        y, z = u.chunk(2, dim=1)
        y = self.shortcut(y) + self.first(z)
        return torch.cat([y, self.shortcut(z) + self.second(y)], dim=1)


def residual(
    coupled: bool, units: Sequence[int], widths: Sequence[int], classes: int, gradient: str | MakeGradient = "stored"
) -> PooledClassifier:
    """Return a ResNet (He et al., 2016) or a RevNet (Gomez et al., 2017) with ``units`` blocks a stage.

    The first block follows a normalisation and skips its own; the first block of every other stage has stride 2.

    Args:
        coupled: whether the features are two halves that are updated in turn (RevNet).
        units: blocks of each stage.
        widths: channels of each stage.
        classes: number of classes.
        gradient: the gradient mode, by name or `mode_named` of the other blocks.
    """
    options: dict[str, Any] = {"distribution": "truncated", "normalisation": "batch"}
    point = Point("coupling" if coupled else "residual", "verlet" if coupled else "forward-euler", gradient, options)
    descent = CoupledDescent if coupled else Descent
    body: list[nn.Module] = [point.flow(widths[0], 1, 1.0, prenormalise=(False, True) if coupled else False)]
    for s, n in enumerate(units):
        body += [descent(widths[s - 1], widths[s])] if s else []
        body += [point.flow(widths[s], n - 1, 1.0)]
    return PooledClassifier(ConvNormReLU(3, widths[0], distribution="truncated"), body, widths[-1], classes)
