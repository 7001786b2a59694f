"""The networks of the neural ODE's MNIST experiment, as in torchdiffeq's example ``odenet_mnist.py``.

Chen et al. (NeurIPS 2018), section 3; the example differs from the paper in solver and architecture.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from pdebridge.cube import known
from pdebridge.dynamics.control import PiecewiseConstant
from pdebridge.dynamics.group_norm import GroupNormOfImages
from pdebridge.dynamics.residual import Residual
from pdebridge.dynamics.time_convolution import TimeConvolution
from pdebridge.integrators.euler import ForwardEuler
from pdebridge.networks.continuous import NeuralODE
from pdebridge.networks.flow import Flow
from pdebridge.networks.point import MakeGradient, mode_of

CHANNELS = 64


class Norm(nn.GroupNorm):
    """A group normalisation of at most 32 groups.

    Args:
        channels: number of channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(min(32, channels), channels)

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised images."""
        normalised: Tensor = GroupNormOfImages.apply(input, self.weight, self.bias, self.num_groups, self.eps)
        return normalised


class Downsampling(nn.Module):
    """A pre-activation residual block that halves the number of pixels in each direction.

    ``v = relu(N(y))``, ``y -> S v + K_2 relu(N(K_1 v))`` with ``K_1`` and the 1x1 convolution ``S`` of stride 2.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.before, self.between = Norm(channels), Norm(channels)
        self.shortcut = nn.Conv2d(channels, channels, 1, stride=2, bias=False)
        self.first = nn.Conv2d(channels, channels, 3, stride=2, padding=1, bias=False)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)

    def forward(self, y: Tensor) -> Tensor:
        """Return ``(batch, channels, rows/2, columns/2)``."""
        v = torch.relu(self.before(y))
        return self.shortcut(v) + self.second(torch.relu(self.between(self.first(v))))


def conv_stem(inputs: int) -> nn.Sequential:
    """Return three convolutions, the last two of stride 2: 28 x 28 pixels become 64 channels of 6 x 6."""
    return nn.Sequential(
        nn.Conv2d(inputs, CHANNELS, 3),
        Norm(CHANNELS),
        nn.ReLU(),
        nn.Conv2d(CHANNELS, CHANNELS, 4, stride=2, padding=1),
        Norm(CHANNELS),
        nn.ReLU(),
        nn.Conv2d(CHANNELS, CHANNELS, 4, stride=2, padding=1),
    )


def res_stem(inputs: int) -> nn.Sequential:
    """Return a convolution and two residual blocks of stride 2: 28 x 28 pixels become 64 channels of 7 x 7."""
    return nn.Sequential(nn.Conv2d(inputs, CHANNELS, 3), Downsampling(CHANNELS), Downsampling(CHANNELS))


STEMS = {"conv": conv_stem, "res": res_stem}


class ImageClassifier(nn.Module):
    """Stem, flow of 64 channels, and ``W mean(relu(N(u(T)))) + mu``, the mean over the pixels.

    Args:
        flow: from the dynamics' width of 64 channels.
        stem: ``conv`` or ``res``.
        inputs: channels of the images ``(batch, inputs, rows, columns)``.
        classes: number of classes.
    """

    def __init__(self, flow: Flow, stem: str = "res", inputs: int = 1, classes: int = 10) -> None:
        super().__init__()
        self.stem, self.flow = known(stem, STEMS, "stem")(inputs), flow
        self.norm, self.classifier = Norm(CHANNELS), nn.Linear(CHANNELS, classes)

    def forward(self, y: Tensor) -> Tensor:
        """Return the logits, ``(batch, classes)``."""
        u = self.stem(y).contiguous(memory_format=torch.channels_last)  # convolutions are twice as fast so
        return self.classifier(torch.relu(self.norm(self.flow(u))).mean((2, 3)))


def odenet(
    stem: str = "res",
    integrator: str = "dopri5",
    integrator_options: Mapping[str, Any] | None = None,
    gradient: str | MakeGradient = "stored",
    steps: int = 1,
    inputs: int = 1,
    classes: int = 10,
) -> ImageClassifier:
    """Return the ODE network; with the adjoint it is the paper's ODE-Net, with an exact gradient its RK-Net.

    Args:
        stem: ``conv`` or ``res``.
        integrator: name; ``dopri5`` with ``rtol=1e-3`` is the example's.
        integrator_options: of the integrator.
        gradient: name of the gradient mode, or what makes one (`mode_named`).
        steps: steps or intervals on [0, 1].
        inputs: channels of the images.
        classes: number of classes.
    """
    block = NeuralODE(integrator, gradient, steps, integrator_options or {})
    return ImageClassifier(block.flow(TimeConvolution(CHANNELS)), stem, inputs, classes)


def resnet(
    blocks: int = 6, stem: str = "res", gradient: str | MakeGradient = "stored", inputs: int = 1, classes: int = 10
) -> ImageClassifier:
    """Return the residual network with ``blocks`` pre-activation blocks, Euler steps of ``h = 1``.

    Args:
        blocks: with one the network is as large as the ODE network, the control that the paper lacks.
        stem: ``conv`` or ``res``.
        gradient: name of the gradient mode, or what makes one (`mode_named`).
        inputs: channels of the images.
        classes: number of classes.
    """
    F = Residual(CHANNELS, normalisation="group")
    flow = Flow(F, PiecewiseConstant(F, blocks), ForwardEuler(), mode_of(gradient), blocks, blocks)
    return ImageClassifier(flow, stem, inputs, classes)
