"""A field of which one half of the features forgets, so that its flow cannot be followed backwards."""

import torch
from torch import Tensor

from pdebridge.dynamics.base import Increments, Instant, Theta, Transpose, half
from pdebridge.dynamics.perceptron import Perceptron


class HalfDamped(Perceptron):
    """``u' = F(t, u) - d (0, u_2)`` with a perceptron ``F`` and the features in two halves ``u = (u_1, u_2)``.

    Forwards the second half is stable; backwards it grows like ``exp(d t)``, while the first half keeps the
    gradient alive. Damping all features alike would be harmless, since the adjoint then decays as fast as the state
    is lost. The stable stiff problem of ANODE (Gholami et al., IJCAI 2019, section 3) as a layer.

    Args:
        width: number of features, even.
        rate: ``d``.
        hidden: neurons of each hidden layer.
        layers: hidden layers.
        activation: name of the activation.
        time: whether ``t`` is an input.

    Raises:
        ValueError: the width is odd.
    """

    damping: Tensor

    def __init__(
        self,
        width: int,
        rate: float = 20.0,
        hidden: int = 64,
        layers: int = 2,
        activation: str = "tanh",
        time: bool = True,
    ) -> None:
        super().__init__(width, hidden, layers, activation, time)
        free = half(width)
        damping = torch.cat([torch.zeros(free), torch.full((free,), float(rate))])
        self.register_buffer("damping", damping, persistent=False)

    def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
        """Return the right-hand side."""
        return super().forward(u, theta, at).sub(self.damping * u)

    def closed_form(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> tuple[Tensor, Transpose]:
        """Return the right-hand side and its adjoint."""
        f, transpose = super().closed_form(u, theta, at)
        return f.sub(self.damping * u), lambda g, sums, scale: transpose(g, sums, scale).sub(self.damping * g)

    def increments(self, theta: Theta, pixels: tuple[int, ...] = (), part: int = 0) -> Increments:
        """Return ``l + |d|`` and ``l + max(-d, 0)`` with the constant ``l`` of the perceptron."""
        free = super().increments(theta).lipschitz
        lowest, largest = float(self.damping.min()), float(self.damping.abs().max())
        return Increments(free + largest, free - min(lowest, 0.0))
