"""Pointwise non-decreasing activations ``sigma`` by the name that the configuration uses."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pdebridge.cube import known


class Activation(NamedTuple):
    """``sigma``, the bound ``max sigma'`` of its slope, and ``(g, sigma(u)) -> sigma'(u) g``; ``min sigma' >= 0``.

    `overwrite` puts ``sigma(u)`` in the place of ``u``, where no graph is wanted; `same` says that it rounds as
    `function` does, `linear` that it is the identity.
    """

    function: Callable[[Tensor], Tensor]
    slope: float
    pull: Callable[[Tensor, Tensor], Tensor]
    overwrite: Callable[[Tensor], Tensor]
    same: bool = True
    linear: bool = False

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Pickle as the name, for other processes: torch's kernels cannot be pickled."""
        names = [name for name, known_one in ACTIVATIONS.items() if known_one is self]
        return (activation_named, (names[0],)) if names else (Activation, tuple(self))

    def __call__(self, u: Tensor) -> Tensor:
        """Return ``sigma(u)``."""
        return self.function(u)

    def consume(self, u: Tensor) -> Tensor:
        """Return the very ``sigma(u)`` of a call, without a graph in the place of ``u``, which nobody else may hold."""
        return self.overwrite(u) if self.same and not torch.is_grad_enabled() else self.function(u)


ETA = 0.1
"""``eta`` of `smooth_relu`, as in the code of Günther et al. (2020)."""


def smooth_relu(u: Tensor) -> Tensor:
    """Return ``u^2/(4 eta) + u/2 + eta/4`` for ``|u| < eta``, else ``max(u, 0)``: ReLU with a continuous slope.

    Günther et al. (SIMODS 2020); written ``(min(max(u, -eta), eta) + eta)^2/(4 eta) + max(u - eta, 0)``.
    """
    return (u.clamp(-ETA, ETA) + ETA).square() / (4 * ETA) + torch.relu(u - ETA)


def pull_smooth_relu(g: Tensor, s: Tensor) -> Tensor:
    """Return ``sigma'(u) g`` with ``sigma' = (u + eta)/(2 eta) = sqrt(sigma/eta)`` in the parabola, else 0 or 1."""
    return g * (s / ETA).clamp(0, 1).sqrt()


def overwrite_with_tanh(u: Tensor) -> Tensor:
    """Put ``tanh u = 2 sigmoid(2 u) - 1`` in the place of ``u``.

    On processors torch's sigmoid takes an eighth of the time of its tanh. The error is absolute, of the rounding of 1,
    which half precision cannot afford.
    """
    exact = u.device.type == "cpu" and u.dtype in (torch.float32, torch.float64)
    return u.mul_(2).sigmoid_().mul_(2).sub_(1) if exact else u.tanh_()


ACTIVATIONS: dict[str, Activation] = {
    "tanh": Activation(torch.tanh, 1.0, torch.ops.aten.tanh_backward.default, overwrite_with_tanh, same=False),
    "relu": Activation(torch.relu, 1.0, lambda g, s: torch.ops.aten.threshold_backward.default(g, s, 0), torch.relu_),
    "sigmoid": Activation(torch.sigmoid, 0.25, torch.ops.aten.sigmoid_backward.default, torch.sigmoid_),
    "smooth-relu": Activation(smooth_relu, 1.0, pull_smooth_relu, lambda u: u.copy_(smooth_relu(u))),
    "identity": Activation(lambda u: u, 1.0, lambda g, s: g, lambda u: u, linear=True),
}


def activation_named(name: str) -> Activation:
    """Return the activation of a name; raise ``ValueError`` with the nearest names if unknown."""
    return known(name, ACTIVATIONS, "activation")
