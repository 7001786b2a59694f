"""Openings and connectors: convolution, batch normalisation, ReLU."""

from torch import nn

from pdebridge.dynamics.draw import draw

EPS = 1e-4


class ConvNormReLU(nn.Sequential):
    """``relu(N(K u))`` with a convolution ``K`` without bias, zero padding, and an affine batch normalisation.

    Args:
        before: channels of the input.
        after: channels of the result.
        kernel: taps in each direction, odd.
        distribution: of the entries of ``K``.
    """

    def __init__(self, before: int, after: int, kernel: int = 3, distribution: str = "clipped") -> None:
        convolution = nn.Conv2d(before, after, kernel, padding=kernel // 2, bias=False)
        convolution.weight.data = draw(distribution, tuple(convolution.weight.shape))
        super().__init__(convolution, nn.BatchNorm2d(after, eps=EPS), nn.ReLU())


def averages(after: int) -> nn.Sequential:
    """Return a normalised, rectified mean over all pixels: the end of pre-activation networks."""
    return nn.Sequential(nn.BatchNorm2d(after, eps=EPS), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
