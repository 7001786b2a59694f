"""Physics-informed networks for Poisson's equation on the cube: the residual at points (Raissi et al., JCP 378, 2019).

Minimise, for ``-Laplacian u = f`` with ``u = g`` on the boundary,

    E_x (Laplacian u + f)^2 + lambda E_(x on the boundary) (u - g)^2,

expectations over points that are drawn anew for each step. The Laplacian of the network is a sum over its layers in
closed form, a step costs ``O(points d width^2)``, and one ordinary backward pass differentiates it.
"""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn


class TanhNetwork(nn.Module):
    """``u = w . t_L + c``, ``t_l = tanh(a_l)``, ``a_l = W_l t_(l-1) + b_l``, ``t_0 = x``.

    With ``z_L = w`` and ``z_(l-1) = W_l^T (t_l' z_l)``, where ``t' = 1 - t^2``, gradient and Laplacian are

        grad u = z_0,    Laplacian u = sum_l sum_k (z_l)_k t''_lk |grad a_lk|^2,    t'' = -2 t t',

    and ``grad a_l = W_l diag(t'_(l-1)) grad a_(l-1)``, ``grad a_1 = W_1``.

    Args:
        d: dimension of ``x``.
        width: of every layer.
        depth: number ``L`` of layers; 9,089 weights for d = 10, width 64 and three layers.

    Raises:
        ValueError: one of them is less than 1.
    """

    def __init__(self, d: int, width: int = 64, depth: int = 3) -> None:
        super().__init__()
        if min(d, width, depth) < 1:
            raise ValueError(f"dimension, width and depth are at least 1, not {d}, {width} and {depth}")
        self.d = d
        sizes = [d, *[width] * depth]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.output = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``u(x)``, shape ``(N,)``."""
        return self._value(self._states(x))

    def value_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``u`` ``(N,)`` and ``grad u`` ``(N, d)``: one sweep forward, one back."""
        states = self._states(x)
        back = self._sweep_back(slopes_of(states))
        return self._value(states), back[0] @ self._weights()[0]

    def laplacian(self, x: Tensor) -> Tensor:
        """Return ``Laplacian u(x)``, shape ``(N,)``."""
        states, weights = self._states(x), self._weights()
        slopes = slopes_of(states)
        back = self._sweep_back(slopes)
        total = (states[0] * back[0]) @ weights[0].square().sum(1)  # |grad a_1|^2 is the same everywhere
        inward = weights[0].T  # grad a_l, coordinates before units: one product serves all points
        for W, slope, t, z in zip(weights[1:], slopes, states[1:], back[1:], strict=False):
            inward = (inward * slope.unsqueeze(1)) @ W.T
            total = total + (t * z * inward.square().sum(1)).sum(1)
        return -2 * total

    def _states(self, x: Tensor) -> list[Tensor]:
        states = []
        for layer in self.layers:
            x = torch.tanh(layer(x))
            states.append(x)
        return states

    def _value(self, states: list[Tensor]) -> Tensor:
        return self.output(states[-1]).squeeze(1)

    def _sweep_back(self, slopes: list[Tensor]) -> list[Tensor]:
        """Return ``t_l' z_l`` of every layer."""
        z, found = self.output.weight, []
        for W, slope in zip(reversed(self._weights()), reversed(slopes), strict=True):
            found.append(slope * z)
            z = found[-1] @ W
        return found[::-1]

    def _weights(self) -> list[Tensor]:
        layers: Any = self.layers
        return [layer.weight for layer in layers]


def slopes_of(states: list[Tensor]) -> list[Tensor]:
    """Return ``1 - t^2`` of every layer."""
    return [1 - t.square() for t in states]


def residual(network: TanhNetwork, x: Tensor, source: Tensor) -> Tensor:
    """Return the mean of ``(Laplacian u + f)^2`` over points."""
    return (network.laplacian(x) + source).square().mean()
