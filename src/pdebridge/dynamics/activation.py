"""Pointwise non-decreasing activations ``sigma`` by the name that the configuration uses."""

from collections.abc import Callable

import torch
from torch import Tensor

Activation = Callable[[Tensor], Tensor]

ACTIVATIONS: dict[str, Activation] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "identity": lambda u: u,
}
