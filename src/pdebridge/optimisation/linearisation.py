"""Features of a network to second order in the control: the products with their first and second derivatives."""

from collections.abc import Sequence

import torch
from torch import Tensor


class Linearisation:
    """``f(theta + v) = f(theta) + J v + O(|v|^2)``, from one graph of one evaluation.

    ``w -> J^T w`` is backpropagation and linear in ``w``; the backward pass of that map is ``v -> J v``, and that of
    ``theta -> J(theta)^T w`` is ``v -> sum_i w_i Hess f_i v``.

    Args:
        f: features with a graph, ``(n, d)``.
        theta: the weights that they depend on, all of them.
        w: a cotangent of the features, of their shape: `pulled` is its ``J^T w``, a tensor a weight.
    """

    def __init__(self, f: Tensor, theta: Sequence[Tensor], w: Tensor) -> None:
        self.f, self.theta, self.w = f, theta, w.detach().requires_grad_()
        self.pulled = torch.autograd.grad(f, theta, self.w, create_graph=True)

    def push(self, v: Sequence[Tensor]) -> Tensor:
        """Return ``J v``, ``(n, d)``, for a tensor a weight."""
        (pushed,) = torch.autograd.grad(self.pulled, self.w, v, retain_graph=True)
        return pushed

    def bend(self, v: Sequence[Tensor]) -> tuple[Tensor, Sequence[Tensor]]:
        """Return ``J v`` and ``sum_i w_i Hess f_i v``, from one backward pass."""
        pushed, *bent = torch.autograd.grad(
            self.pulled, (self.w, *self.theta), v, retain_graph=True, materialize_grads=True
        )
        return pushed, bent

    def pull(self, w: Tensor) -> tuple[Tensor, ...]:
        """Return ``J^T w``, a tensor a weight, for another ``w``."""
        return torch.autograd.grad(self.f, self.theta, w, retain_graph=True)
