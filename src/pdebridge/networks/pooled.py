"""The layout of Chang et al. (AAAI 2018): stages at growing width, joined by pooling and zero channels."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from pdebridge.networks.convolution import ConvNormReLU, averages
from pdebridge.networks.flow import Flow
from pdebridge.networks.point import MakeGradient, Point


class PoolAndPad(nn.Module):
    """2x2 average pooling and zero channels on both sides of the features, or of each half of them.

    Args:
        before: channels of the input.
        after: channels of the result, at least ``before``.
        groups: 2 where the features are two halves, else 1.
    """

    def __init__(self, before: int, after: int, groups: int = 1) -> None:
        super().__init__()
        self.groups, self.channels = groups, (after - before) // groups
        if after < before or (after - before) % groups:
            raise ValueError(f"{before} channels in {groups} groups cannot be padded to {after}")

    def forward(self, u: Tensor) -> Tensor:
        """Return the features on half the grid."""
        pooled = functional.avg_pool2d(u, 2).unflatten(1, (self.groups, -1))
        left = self.channels // 2
        return functional.pad(pooled, (0, 0, 0, 0, left, self.channels - left)).flatten(1, 2)


class PooledClassifier(nn.Sequential):
    """Opening, a body of flows and transitions, normalised mean over the pixels, linear classifier.

    Args:
        opening: images to features.
        body: flows and transitions.
        width: channels of the features at the end.
        classes: number of classes.
    """

    def __init__(self, opening: nn.Module, body: Sequence[nn.Module], width: int, classes: int) -> None:
        super().__init__(opening, *body, averages(width), nn.Linear(width, classes))


def pooled(
    dynamics: str,
    integrator: str,
    units: Sequence[int],
    widths: Sequence[int],
    classes: int,
    h: float = 1.0,
    channels: int = 3,
    gradient: str | MakeGradient = "stored",
    first: Mapping[str, Any] | None = None,
    **options: Any,
) -> PooledClassifier:
    """Return a network of ``sum(units)`` blocks, as the authors' code places them.

    The first block of each stage but the first runs at the width and resolution of the stage before; then the
    features are pooled and padded with zero channels. Nothing but the opening, the blocks, the last normalisation
    and the classifier has weights.

    Args:
        dynamics: name of a right-hand side that has convolutions.
        integrator: name of the step.
        units: blocks of each stage.
        widths: channels of each stage.
        classes: number of classes.
        h: step size.
        channels: of the images.
        gradient: the gradient mode, by name or `mode_named`.
        first: options in which the very first block differs; it is then a flow of its own.
        options: of the dynamics.
    """
    point = Point(dynamics, integrator, gradient, {"distribution": "truncated", "operator": "conv2d", **options})
    steps = [n + (s < len(units) - 1) - (s > 0) for s, n in enumerate(units)]
    body: list[nn.Module] = [] if first is None else [point.flow(widths[0], 1, h, **first)]
    steps[0] -= len(body)
    for s, n in enumerate(steps):
        body += [PoolAndPad(widths[s - 1], widths[s], groups(body[-1]))] if s else []
        body += [point.flow(widths[s], n, h)]
    opening = ConvNormReLU(channels, widths[0], distribution="truncated")
    return PooledClassifier(opening, body, widths[-1], classes)


def groups(flow: nn.Module) -> int:
    """Return into how many groups a flow divides its channels."""
    assert isinstance(flow, Flow)
    return 2 if flow.dynamics.structure in ("partitioned", "second-order-pair") else 1
