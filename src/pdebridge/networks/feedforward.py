"""The plain feed-forward network of Higham & Higham (SIAM Review 2019), which is no discretised flow."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from pdebridge.dynamics.activation import activation_named


class FeedForward(nn.Module):
    """``a_{l+1} = sigma(W_l a_l + b_l)`` through layers of different widths, ``sigma`` after the last one too.

    The network of the paper's section 6 has widths 2-2-3-2, sigmoids, and all 23 weights drawn from ``N(0, 1/4)``.

    Args:
        widths: of the input, the hidden layers and the output.
        activation: name of ``sigma``.
        scale: standard deviation of all initial weights and biases.
    """

    def __init__(self, widths: Sequence[int] = (2, 2, 3, 2), activation: str = "sigmoid", scale: float = 0.5) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(before, after) for before, after in pairwise(widths)])
        self.activation = activation_named(activation)
        for p in self.parameters():
            nn.init.normal_(p, std=scale)

    def forward(self, x: Tensor) -> Tensor:
        """Return the output ``(batch, widths[-1])`` of inputs ``(batch, widths[0])``."""
        for layer in self.layers:
            x = self.activation(layer(x))
        return x
