"""The layout of Ruthotto & Haber (JMIV 2020): opening, stages of a PDE block and a connector, classifier."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from pdebridge.dynamics.draw import draw
from pdebridge.integrators.base import Integrator
from pdebridge.networks.convolution import ConvNormReLU
from pdebridge.networks.point import MakeGradient, Point


class StagedClassifier(nn.Module):
    """Images to logits through PDE blocks on coarser and coarser grids.

    A 3x3 opening to ``widths[0]`` channels; for each stage a flow of ``steps`` steps, a 1x1 connector to the next
    width and 2x2 average pooling, over all pixels after the last; a linear classifier. All weights of the published
    networks are counted by ``29 w_0 + sum_k (N p_k + w_k w_{k+1} + 2 w_{k+1}) + C (w_B + 1)`` for RGB images, with
    ``p = 9 w^2 + 2 w``, and ``p = 9 w^2 / 2 + 2 w`` for the Hamiltonian flow.

    Args:
        point: the flow.
        widths: channels ``w_0, ..., w_B`` of ``B`` stages and of the classifier.
        classes: ``C``.
        steps: ``N`` steps a stage.
        h: step size.
        channels: of the images.
    """

    def __init__(
        self, point: Point, widths: Sequence[int], classes: int, steps: int, h: float = 1.0, channels: int = 3
    ) -> None:
        super().__init__()
        self.opening = ConvNormReLU(channels, widths[0])
        stages = list(pairwise(widths))
        self.flows = nn.ModuleList([point.flow(width, steps, h, repeat=True) for width, _ in stages])
        self.connectors = nn.ModuleList([ConvNormReLU(before, after, kernel=1) for before, after in stages])
        pools = [nn.AvgPool2d(2) for _ in stages[1:]]
        self.pools = nn.ModuleList([*pools, nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())])
        self.classifier = nn.Linear(widths[-1], classes)
        self.classifier.weight.data = draw("normal", (classes, widths[-1]), 0.1).clamp(-0.2, 0.2)
        self.classifier.bias.data.zero_()

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits ``(batch, classes)`` of images ``(batch, channels, height, width)``."""
        u = self.opening(images)
        for flow, connector, pool in zip(self.flows, self.connectors, self.pools, strict=True):
            u = pool(connector(flow(u)))
        return self.classifier(u)


def staged(
    dynamics: str,
    integrator: str | Callable[[], Integrator],
    widths: Sequence[int],
    classes: int,
    steps: int = 3,
    h: float = 1.0,
    channels: int = 3,
    gradient: str | MakeGradient = "stored",
    **options: Any,
) -> StagedClassifier:
    """Return the staged network of a point of the cube; kernels are drawn as in the published code.

    Args:
        dynamics: name of a right-hand side that has convolutions.
        integrator: the step, by name, or what makes that of a stage.
        widths: channels of each stage and of the classifier.
        classes: number of classes.
        steps: steps a stage.
        h: step size.
        channels: of the images.
        gradient: the gradient mode, by name or `mode_named`.
        options: of the dynamics.
    """
    point = Point(dynamics, integrator, gradient, {"distribution": "clipped", "operator": "conv2d", **options})
    return StagedClassifier(point, widths, classes, steps, h, channels)
