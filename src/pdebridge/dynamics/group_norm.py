"""Group normalisation and its adjoint; images with channels last have formulas faster than torch's on processors."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

Pull = Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]


def channels_last(a: Tensor) -> bool:
    """Tell whether ``a`` is ``(batch, channels, rows, columns)`` stored as ``(batch, rows, columns, channels)``."""
    return a.ndim == 4 and a.stride()[1:] == (1, a.shape[1] * a.shape[3], a.shape[1])


def rows(a: Tensor) -> Tensor:
    """Return the view ``(batch, pixels, channels)``."""
    return a.permute(0, 2, 3, 1).flatten(1, 2)


def images(x: Tensor, like: Tensor) -> Tensor:
    """Return the view ``(batch, channels, rows, columns)``: the inverse of `rows`."""
    return x.unflatten(1, like.shape[2:]).permute(0, 3, 1, 2)


def group_mean(x: Tensor, groups: int, pixels: int) -> Tensor:
    """Return the means over groups of sums over pixels, ``(batch, channels)``, once for each channel of a group."""
    means = x.unflatten(1, (groups, -1)).sum(2, keepdim=True) / (pixels * (x.shape[1] // groups))
    return means.expand(-1, -1, x.shape[1] // groups).flatten(1).unsqueeze(1)


def standardise(a: Tensor, groups: int, eps: float) -> tuple[Tensor, Tensor]:
    """Return ``n = q (a - E a)`` and ``q = (Var a + eps)^(-1/2)``, moments over a group's channels and pixels.

    Args:
        a: images with channels last.
        groups: of channels.
        eps: added to the variance.

    Returns:
        ``n`` as ``(batch, pixels, channels)`` and ``q`` as ``(batch, 1, channels)``, both at least float32: sums over
        pixels leave the range of float16 and the precision of bfloat16.
    """
    x = rows(at_least_single(a))
    pixels = x.shape[1]
    n = x - group_mean(x.sum(1), groups, pixels)
    q = group_mean(n.square().sum(1), groups, pixels).add_(eps).rsqrt_()
    return n.mul_(q), q


def pull(g: Tensor, n: Tensor, q: Tensor, s: Tensor, groups: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the cotangents of ``a``, ``s`` and ``b`` for that of ``s n + b``; all ``(batch, pixels, channels)``.

    ``q (s g - E(s g) - n E(s g n))`` with the means ``E`` over a group's channels and pixels, ``sum g n``, ``sum g``.
    """
    pixels, g = n.shape[1], at_least_single(g)
    shifts, scales = g.sum(1), (g * n).sum(1)
    constant, linear = (group_mean(s * total, groups, pixels).mul_(-q) for total in (shifts, scales))
    g_a = torch.addcmul(constant, n, linear, out=torch.empty_like(n))
    return g_a.addcmul_(g, q * s), scales.sum(0), shifts.sum(0)


def at_least_single(a: Tensor) -> Tensor:
    """Return ``a`` in float32 if it is in half precision."""
    return a.float() if a.dtype in (torch.float16, torch.bfloat16) else a


def group_norm(a: Tensor, s: Tensor, b: Tensor, groups: int, eps: float) -> Tensor:
    """Return ``s n + b`` as ``torch.nn.functional.group_norm(a, groups, s, b, eps)`` does."""
    if channels_last(a) and not torch.is_grad_enabled():
        n, _ = standardise(a, groups, eps)
        return images(n * s + b, a).to(a.dtype)
    return torch.nn.functional.group_norm(a, groups, s, b, eps)


def linearised(a: Tensor, s: Tensor, b: Tensor, groups: int, eps: float) -> tuple[Tensor, Pull]:
    """Return ``s n + b`` and the map from its cotangent to those of ``a``, ``s`` and ``b``; ``a`` is kept."""
    if channels_last(a):
        n, q = standardise(a, groups, eps)
        scale = s.to(n.dtype)
        # the first operand alone would decide on the layout
        value = torch.addcmul(b.to(n.dtype), n, scale, out=torch.empty_like(n))

        def back(g: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            g_a, g_s, g_b = pull(rows(g.contiguous(memory_format=torch.channels_last)), n, q, scale, groups)
            return images(g_a, g).to(a.dtype), g_s.to(s.dtype), g_b.to(b.dtype)

        return images(value, a).to(a.dtype), back
    shape = (a.shape[0], a.shape[1], a[0, 0].numel(), groups)
    value, *moments = torch.ops.aten.native_group_norm(a, s, b, *shape, eps)
    wanted = [True, True, True]
    return value, lambda g: torch.ops.aten.native_group_norm_backward(g.contiguous(), a, *moments, s, *shape, wanted)


class GroupNormOfImages(torch.autograd.Function):
    """``s n + b`` as one node of the graph."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, s: Tensor, b: Tensor, groups: int, eps: float) -> Tensor:
        """Return the normalised images."""
        value, ctx.back = linearised(a, s, b, groups, eps)
        return value

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        """Return the cotangents."""
        return *ctx.back(g), None, None
