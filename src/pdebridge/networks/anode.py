"""The two CIFAR networks of ANODE (Gholami, Keutzer & Biros, IJCAI 2019), every second block an ODE."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pdebridge.dynamics.post_activation import PostActivation
from pdebridge.networks.continuous import NeuralODE
from pdebridge.networks.point import MakeGradient

Normalised = tuple[nn.Conv2d, nn.BatchNorm2d]


def convolution(
    inputs: int, outputs: int, kernel: tuple[int, int] = (1, 1), stride: int = 1, bias: bool = False
) -> Normalised:
    """Return a convolution that keeps the number of pixels but for its stride, and its batch normalisation."""
    padding = (kernel[0] // 2, kernel[1] // 2)
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=bias), nn.BatchNorm2d(outputs)


def chain(*layers: Normalised) -> list[nn.Module]:
    """Return ``relu(N(K .))`` for each layer."""
    return [module for layer in layers for module in (*layer, nn.ReLU())]


class Transition(nn.Module):
    """``y -> relu(S y + f(y))``, which changes the number of channels and of pixels.

    Args:
        layers: ``f``.
        shortcut: ``S``.
    """

    def __init__(self, layers: Sequence[nn.Module], shortcut: Sequence[nn.Module]) -> None:
        super().__init__()
        self.layers, self.shortcut = nn.Sequential(*layers), nn.Sequential(*shortcut)

    def forward(self, y: Tensor) -> Tensor:
        """Return the features of the next stage."""
        return torch.relu(self.shortcut(y) + self.layers(y))


def residual_transition(inputs: int, outputs: int, stride: int) -> Transition:
    """Return the first block of a ResNet-18 stage."""
    first = chain(convolution(inputs, outputs, (3, 3), stride))
    same = stride == 1 and inputs == outputs
    shortcut = () if same else convolution(inputs, outputs, stride=stride)
    return Transition([*first, *convolution(outputs, outputs, (3, 3))], shortcut)


def squeezed_transition(inputs: int, outputs: int, stride: int) -> Transition:
    """Return the first block of a SqueezeNext stage; ``m`` channels inside, a quarter where the width falls."""
    m = inputs if stride == 2 else inputs // 4
    layers = chain(
        convolution(inputs, m, stride=stride, bias=True),
        convolution(m, m // 2, bias=True),
        convolution(m // 2, m, (1, 3), bias=True),
        convolution(m, m, (3, 1), bias=True),
        convolution(m, outputs, bias=True),
    )
    return Transition(layers, chain(convolution(inputs, outputs, stride=stride, bias=True)))


RESIDUAL_STAGES = ((64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2))  # channels in and out, stride
SQUEEZED_STAGES = ((64, 32, 1), (32, 64, 2), (64, 128, 2), (128, 256, 2))


def resnet18(
    integrator: str = "forward-euler",
    gradient: str | MakeGradient = "stored",
    steps: int = 2,
    normalisation: str = "batch",
    classes: int = 10,
) -> nn.Sequential:
    """Return ResNet-18 for ``(batch, 3, 32, 32)`` with 64, 128, 256, 512 channels; the second block a stage is a flow.

    ANODE's own gradient is ``checkpointed`` with ``every: block``.

    Args:
        integrator: name; ``forward-euler``, ``rk2`` and ``rk4`` are the paper's.
        gradient: name of the gradient mode, or what makes one (`mode_named`).
        steps: of each flow; each has batch statistics of its own.
        normalisation: inside the flows.
        classes: number of classes.
    """
    block = NeuralODE(integrator, gradient, steps)
    stages: list[nn.Module] = chain(convolution(3, 64, (3, 3)))
    for inputs, outputs, stride in RESIDUAL_STAGES:
        F = PostActivation(outputs, "residual", normalisation, steps)
        stages += [residual_transition(inputs, outputs, stride), block.flow(F)]
    return nn.Sequential(*stages, nn.AvgPool2d(4), nn.Flatten(), nn.Linear(512, classes))


def squeezenext(
    integrator: str = "rk2",
    gradient: str | MakeGradient = "stored",
    steps: int = 2,
    normalisation: str = "batch",
    classes: int = 10,
) -> nn.Sequential:
    """Return SqueezeNext for ``(batch, 3, 32, 32)`` with 32, 64, 128, 256 channels; arguments as in `resnet18`."""
    block = NeuralODE(integrator, gradient, steps)
    stages: list[nn.Module] = chain(convolution(3, 64, (3, 3), bias=True))
    for inputs, outputs, stride in SQUEEZED_STAGES:
        F = PostActivation(outputs, "squeezenext", normalisation, steps)
        stages += [squeezed_transition(inputs, outputs, stride), block.flow(F)]
    last = chain(convolution(256, 128, bias=True))
    return nn.Sequential(*stages, *last, nn.AvgPool2d(4), nn.Flatten(), nn.Linear(128, classes))
