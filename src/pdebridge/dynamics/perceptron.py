"""The dense field of a neural ordinary differential equation (Chen et al., NeurIPS 2018)."""

import math
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.functional import linear

from pdebridge.dynamics.activation import activation_named
from pdebridge.dynamics.base import Dynamics, Increments, Instant, Structure, Sums, Theta, Transpose
from pdebridge.dynamics.draw import uniform
from pdebridge.dynamics.operator import ROUNDING


class Perceptron(Dynamics):
    """``u' = W_L sigma(... sigma(W_1 [t, u] + b_1) ...) + b_L``, a multilayer perceptron of time and state.

    ``u`` is ``(batch, width)``. The column of ``W_1`` that multiplies ``t`` is the weight ``v`` of its own.

    Args:
        width: number of features.
        hidden: neurons of each hidden layer.
        layers: hidden layers, ``L - 1``.
        activation: name of ``sigma``.
        time: whether ``t`` is an input; without it the field depends on time through its control only.

    Raises:
        ValueError: there is no hidden layer or no neuron.
    """

    structure: Structure = "explicit"

    def __init__(
        self, width: int, hidden: int = 64, layers: int = 2, activation: str = "tanh", time: bool = True
    ) -> None:
        super().__init__()
        if layers < 1 or hidden < 1:
            raise ValueError(f"a perceptron has hidden layers with neurons (found {layers} layers of {hidden})")
        self.width, self.time, self.activation = width, time, activation_named(activation)
        self.sizes = (width, *(hidden,) * layers, width)

    def initial(self) -> dict[str, Tensor]:
        """Draw weights and biases from ``U(+- 1/sqrt(fan_in))``, torch's default, which Chen et al. use."""
        weights: dict[str, Tensor] = {}
        for i, (fan_in, fan_out) in enumerate(pairwise(self.sizes)):
            inputs = fan_in + (self.time and i == 0)
            deviation = 1 / math.sqrt(3 * inputs)
            weights[f"W{i + 1}"] = uniform((fan_out, fan_in), deviation)
            weights[f"b{i + 1}"] = uniform((fan_out,), deviation)
            if inputs > fan_in:
                weights["v"] = uniform((fan_out,), deviation)
        return weights

    def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
        """Return ``F(t, u)``."""
        *hidden, (W, b) = self.affine(theta, at)
        sigma = self.activation if torch.is_grad_enabled() else self.activation.overwrite
        for K, c in hidden:
            u = sigma(linear(u, K, c))
        return linear(u, W, b)

    def closed_form(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> tuple[Tensor, Transpose]:
        """Return ``F(t, u)`` and its adjoint in closed form: back through the layers, whose inputs are kept."""
        layers, inputs, pull = self.affine(theta, at), [u], self.activation.pull
        for K, c in layers[:-1]:
            u = self.activation.overwrite(linear(u, K, c))
            inputs.append(u)

        def transpose(g: Tensor, sums: Sums, scale: float) -> Tensor:
            ones, totals = g.new_ones(g.shape[0]), iter(reversed(sums))
            for (K, _), a in zip(reversed(layers), reversed(inputs), strict=True):
                gt = g.t()
                if self.time and a is inputs[0] and (total := next(totals)) is not None:
                    total.addmv_(gt, ones, alpha=scale * at.t)  # v
                if (total := next(totals)) is not None:
                    total.addmv_(gt, ones, alpha=scale)
                if (total := next(totals)) is not None:
                    total.addmm_(gt, a, alpha=scale)
                g = torch.mm(g, K)
                g = g if a is inputs[0] else pull(g, a)
            return g

        return linear(u, *layers[-1]), transpose

    def affine(self, theta: Theta, at: Instant) -> list[tuple[Tensor, Tensor]]:
        """Return ``(W, b)`` of every layer, with ``t v`` added to the first bias."""
        W, b, *rest = theta
        if self.time:
            b, rest = b + at.t * rest[0], rest[1:]
        return [(W, b), *zip(rest[::2], rest[1::2], strict=True)]

    def increments(self, theta: Theta, pixels: tuple[int, ...] = (), part: int = 0) -> Increments:
        """Return ``(max sigma')^(L-1) ||W_1|| ... ||W_L||`` for both bounds: free weights have no sign."""
        weights = [W.detach().double() for W, _ in self.affine(theta, Instant(0, 0.0, 0.0))]
        norms = math.prod(float(torch.linalg.matrix_norm(W, 2)) * (1 + ROUNDING) for W in weights)
        lipschitz = norms * self.activation.slope ** (len(weights) - 1)
        return Increments(lipschitz, lipschitz)
