"""The fields of ANODE's residual and SqueezeNext blocks (Gholami, Keutzer & Biros, IJCAI 2019)."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from pdebridge.cube import known
from pdebridge.dynamics.base import Dynamics, Instant, Structure, Theta
from pdebridge.dynamics.draw import uniform
from pdebridge.dynamics.normalisation import Normalisation, normalisation_named


class Layer(NamedTuple):
    """A convolution: channels in and out, kernel size in rows and columns, and whether it has a bias."""

    inputs: int
    outputs: int
    kernel: tuple[int, int]
    bias: bool

    @property
    def padding(self) -> tuple[int, int]:
        """Return the zeros on each side that keep the number of pixels."""
        return (self.kernel[0] // 2, self.kernel[1] // 2)


def residual(C: int) -> list[Layer]:
    """Return two 3x3 convolutions: the residual block of ResNet-18."""
    return [Layer(C, C, (3, 3), False)] * 2


def squeezenext(C: int) -> list[Layer]:
    """Return 1x1, 1x1, 1x3, 3x1, 1x1 convolutions with ``C/2, C/4, C/2, C/2, C`` channels out."""
    widths = (C, C // 2, C // 4, C // 2, C // 2, C)
    kernels = ((1, 1), (1, 1), (1, 3), (3, 1), (1, 1))
    return [Layer(i, o, kernel, True) for i, o, kernel in zip(widths, widths[1:], kernels, strict=False)]


BLOCKS = {"residual": residual, "squeezenext": squeezenext}


class PostActivation(Dynamics):
    """``u' = relu(N(K_L ... relu(N(K_1 u + b_1)) ... + b_L))`` with convolutions ``K``, autonomous.

    ``u`` is ``(batch, width, rows, columns)``. The last activation makes ``F >= 0``, so every feature can only grow
    with time. With batch normalisation each step has running statistics of its own; ANODE's code keeps one set,
    which the recomputation of the forward pass updates a second time.

    Args:
        width: channels; a multiple of 4 for ``squeezenext``.
        block: ``residual`` or ``squeezenext``.
        normalisation: ``batch``, ``group``, ``tv``, or ``none`` for a shift.
        steps: number of steps, needed by ``batch``.
    """

    structure: Structure = "explicit"

    def __init__(
        self, width: int, block: str = "residual", normalisation: str = "batch", steps: int | None = None
    ) -> None:
        super().__init__()
        if block == "squeezenext" and width % 4:
            raise ValueError(f"a SqueezeNext block needs a multiple of 4 channels, not {width}")
        self.width, self.layers = width, known(block, BLOCKS, "block")(width)
        self.norms: Iterable[Normalisation] = nn.ModuleList(  # type: ignore[assignment]
            [normalisation_named(normalisation, layer.outputs, steps) for layer in self.layers]
        )

    def initial(self) -> dict[str, Tensor]:
        """Draw kernels and biases from ``U(+- 1/sqrt(fan_in))``, torch's default."""
        weights: dict[str, Tensor] = {}
        for i, (layer, norm) in enumerate(zip(self.layers, self.norms, strict=True)):
            deviation = 1 / math.sqrt(3 * layer.inputs * math.prod(layer.kernel))
            weights[f"K_{i}"] = uniform((layer.outputs, layer.inputs, *layer.kernel), deviation)
            if layer.bias:
                weights[f"c_{i}"] = uniform((layer.outputs,), deviation)
            weights |= {f"{name}_{i}": w for name, w in norm.initial().items()}
        return weights

    def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
        """Return ``F(u)``."""
        n = len(theta) // len(self.layers)
        for i, (layer, norm) in enumerate(zip(self.layers, self.norms, strict=True)):
            K, *rest = theta[i * n : (i + 1) * n]
            bias, affine = (rest[0], rest[1:]) if layer.bias else (None, rest)
            u = torch.relu(norm(functional.conv2d(u, K, bias, padding=layer.padding), affine, at))
        return u
