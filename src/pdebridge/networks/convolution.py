"""Openings and connectors: convolution, batch normalisation, ReLU."""

from torch import Tensor, nn

from pdebridge.dynamics.draw import draw
from pdebridge.dynamics.processes import batch_norm

EPS = 1e-4


class BatchNorm(nn.BatchNorm2d):
    """Affine batch normalisation with the statistics of a batch that may be spread over processes.

    Args:
        width: channels.
    """

    running_mean: Tensor
    running_var: Tensor
    momentum: float

    def __init__(self, width: int) -> None:
        super().__init__(width, eps=EPS)

    def forward(self, u: Tensor) -> Tensor:
        """Return the normalised features; the running statistics are for evaluation."""
        mean, var = self.running_mean, self.running_var
        return batch_norm(u, mean, var, self.weight, self.bias, self.training, self.momentum, self.eps)


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
        super().__init__(convolution, BatchNorm(after), nn.ReLU())


def averages(after: int) -> nn.Sequential:
    """Return a normalised, rectified mean over all pixels: the end of pre-activation networks."""
    return nn.Sequential(BatchNorm(after), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
