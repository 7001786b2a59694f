"""Where the cotangents of the weights of all steps add up."""

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from pdebridge.dynamics.base import Sums, Theta


class WeightSums:
    """The gradient of stacked weights ``(N, S, ...)``; steps that share their weights share one sum of ``(S, ...)``.

    Args:
        theta: the stacked weights.
        wanted: whether the gradient of each is needed.
    """

    def __init__(self, theta: Theta, wanted: Sequence[bool]) -> None:
        self.theta, self.wanted = theta, wanted

    @cached_property
    def totals(self) -> list[Tensor | None]:
        """Return the sums, which are made when the first one is asked for."""
        return [sum_of(w) if want else None for w, want in zip(self.theta, self.wanted, strict=True)]

    def __getitem__(self, k: int) -> Sums:
        """Return per weight the tensor to which step ``k`` adds, or ``None``."""
        return tuple(
            total if total is None or is_shared(w) else total[k]
            for w, total in zip(self.theta, self.totals, strict=True)
        )

    def add(self, steps: slice, gradients: Sequence[Tensor | None]) -> None:
        """Add stacked cotangents of the weights of some steps."""
        for total, w, g in zip(self.totals, self.theta, gradients, strict=True):
            if total is not None and g is not None:
                (total if is_shared(w) else total[steps]).add_(g.sum(0) if is_shared(w) else g)

    def gradient(self) -> list[Tensor | None]:
        """Return tensors of the shapes of the weights; a shared sum is split evenly among its steps, as a view."""
        return [
            total if total is None or not is_shared(w) else (total / len(w)).expand_as(w)
            for w, total in zip(self.theta, self.totals, strict=True)
        ]


def is_shared(w: Tensor) -> bool:
    """Tell whether all steps see the same memory."""
    return len(w) > 1 and w.stride(0) == 0


def sum_of(w: Tensor) -> Tensor:
    """Return zeros for the sum over the steps, or one a step."""
    like = w[0] if is_shared(w) else w
    return torch.zeros(like.shape, dtype=w.dtype, device=w.device)
