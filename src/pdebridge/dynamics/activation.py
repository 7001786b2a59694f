"""Pointwise non-decreasing activations ``sigma`` by the name that the configuration uses."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from pdebridge.cube import known


class Activation(NamedTuple):
    """``sigma``, the bound ``max sigma'`` of its slope, and ``(g, sigma(u)) -> sigma'(u) g``; ``min sigma' >= 0``."""

    function: Callable[[Tensor], Tensor]
    slope: float
    pull: Callable[[Tensor, Tensor], Tensor]

    def __call__(self, u: Tensor) -> Tensor:
        """Return ``sigma(u)``."""
        return self.function(u)


ACTIVATIONS: dict[str, Activation] = {
    "tanh": Activation(torch.tanh, 1.0, torch.ops.aten.tanh_backward.default),
    "relu": Activation(torch.relu, 1.0, lambda g, s: torch.ops.aten.threshold_backward.default(g, s, 0)),
    "sigmoid": Activation(torch.sigmoid, 0.25, torch.ops.aten.sigmoid_backward.default),
    "identity": Activation(lambda u: u, 1.0, lambda g, s: g),
}


def activation_named(name: str) -> Activation:
    """Return the activation of a name; raise ``ValueError`` with the nearest names if unknown."""
    return known(name, ACTIVATIONS, "activation")
