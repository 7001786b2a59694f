"""A batch that is spread over processes: who they are, and what they have in common."""

from typing import Any

import torch
from torch import Tensor, distributed
from torch.nn import functional


def world() -> tuple[int, int]:
    """Return this process's rank and how many processes share the work: ``(0, 1)`` where nothing is distributed."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


class Total(torch.autograd.Function):
    """The sum of a tensor over all processes; its adjoint is the same sum."""

    @staticmethod
    def forward(ctx: Any, a: Tensor) -> Tensor:
        """Return the sum."""
        a = a.clone()
        distributed.all_reduce(a)
        return a

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        """Return the sum of the cotangents."""
        return Total.forward(ctx, g)


def total(a: Tensor) -> Tensor:
    """Return the sum of ``a`` over all processes, with a derivative."""
    summed: Tensor = Total.apply(a)
    return summed


def batch_norm(
    a: Tensor, mean: Tensor, var: Tensor, s: Tensor, b: Tensor, training: bool, momentum: float, eps: float
) -> Tensor:
    """Return ``s (a - E a) / sqrt(Var a + eps) + b`` with expectations over the samples of all processes and pixels.

    The arguments and the running statistics, ``mean`` and ``var``, are those of ``torch.nn.functional.batch_norm``,
    which it is in one process. It runs on every device; torch's ``SyncBatchNorm`` needs a GPU.
    """
    if not training or world()[1] == 1:
        return functional.batch_norm(a, mean, var, s, b, training, momentum, eps)
    axes, column = [0, *range(2, a.ndim)], (-1,) + (1,) * (a.ndim - 2)
    wide = a.to(mean.dtype)
    sums = total(torch.cat([wide.sum(axes), wide.new_tensor([a.numel() / a.shape[1]])]))
    n = sums[-1].detach()
    first = sums[:-1] / n
    deviation = wide - first.view(column)
    second = total(deviation.square().sum(axes)) / n
    with torch.no_grad():
        mean.lerp_(first, momentum)
        var.lerp_(second * n / (n - 1), momentum)
    return (deviation * (torch.rsqrt(second + eps) * s).view(column) + b.view(column)).to(a.dtype)
