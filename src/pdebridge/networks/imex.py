"""IMEXnet (Haber et al., ICML 2019): explicit convolutions and implicit diffusion, every pixel classified."""

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from pdebridge.networks.convolution import ConvNormReLU
from pdebridge.networks.point import Point


def imexnet(
    channels: int, classes: int, widths: Sequence[int] = (64, 128, 256), steps: int = 4, h: float = 1.0
) -> nn.Sequential:
    """Return a network for segmentation on the full grid, without pooling.

    An opening, a flow of ``steps`` IMEX steps at each width, a 3x3 convolution with normalisation and ReLU between
    widths, and a 1x1 convolution to the classes. The implicit steps make the field of view the whole image.

    Args:
        channels: of the images.
        classes: number of classes.
        widths: channels of each stage.
        steps: steps of each stage.
        h: step size.
    """
    point = Point("imex", "imex-euler", options={"normalisation": "batch"})
    body: list[nn.Module] = [point.flow(widths[0], steps, h)]
    for before, after in pairwise(widths):
        body += [ConvNormReLU(before, after), point.flow(after, steps, h)]
    return nn.Sequential(ConvNormReLU(channels, widths[0]), *body, nn.Conv2d(widths[-1], classes, 1))
