"""Pointwise non-decreasing activations ``sigma`` by the name that the configuration uses."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from pdebridge.cube import known


class Activation(NamedTuple):
    """``sigma`` and the bound ``max sigma'`` of its slope; ``min sigma' >= 0`` for all."""

    function: Callable[[Tensor], Tensor]
    slope: float

    def __call__(self, u: Tensor) -> Tensor:
        """Return ``sigma(u)``."""
        return self.function(u)


ACTIVATIONS: dict[str, Activation] = {
    "tanh": Activation(torch.tanh, 1.0),
    "relu": Activation(torch.relu, 1.0),
    "sigmoid": Activation(torch.sigmoid, 0.25),
    "identity": Activation(lambda u: u, 1.0),
}


def activation_named(name: str) -> Activation:
    """Return the activation of a name; raise ``ValueError`` with the nearest names if unknown."""
    return known(name, ACTIVATIONS, "activation")
