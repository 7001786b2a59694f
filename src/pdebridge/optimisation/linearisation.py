"""Features of a network to first order in the control: the products with the Jacobian and its transpose."""

from collections.abc import Sequence

import torch
from torch import Tensor


class Linearisation:
    """``f(theta + v) = f(theta) + J v + O(|v|^2)``, from one graph of one evaluation.

    ``w -> J^T w`` is backpropagation and linear in ``w``; the backward pass of that map is ``v -> J v``.

    Args:
        f: features with a graph, ``(n, d)``.
        theta: the weights that they depend on, all of them.
    """

    def __init__(self, f: Tensor, theta: Sequence[Tensor]) -> None:
        self.f, self.theta = f, theta
        self.w = torch.zeros_like(f, requires_grad=True)
        self.adjoint = torch.autograd.grad(f, theta, self.w, create_graph=True)

    def push(self, v: Sequence[Tensor]) -> Tensor:
        """Return ``J v``, ``(n, d)``, for a tensor a weight."""
        (pushed,) = torch.autograd.grad(self.adjoint, self.w, v, retain_graph=True)
        return pushed

    def pull(self, w: Tensor) -> tuple[Tensor, ...]:
        """Return ``J^T w``, a tensor a weight, for ``w`` of the shape of ``f``."""
        return torch.autograd.grad(self.f, self.theta, w, retain_graph=True)
