"""The two-loop recursion of L-BFGS (Nocedal & Wright, algorithm 7.4), for many functions side by side."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Pair(NamedTuple):
    """``s = x_+ - x`` and ``y = g_+ - g`` of every function, ``(N, n)``, and ``1 / s.y``, ``(N, 1)``.

    The last one is 0 where ``s.y`` is not safely positive, which leaves the pair of that function out.
    """

    s: Tensor
    y: Tensor
    weight: Tensor


def descent(gradient: Tensor, pairs: Sequence[Pair], scale: Tensor) -> Tensor:
    """Return ``-H_k g_k``, ``(N, n)``, for the pairs from the oldest to the last and from ``H_k = scale_k I``."""
    q, shares = -gradient, []
    for s, y, weight in reversed(pairs):
        shares.append(weight * dot(s, q))
        q = torch.addcmul(q, shares[-1], y, value=-1)
    q = q * scale
    for (s, y, weight), share in zip(pairs, reversed(shares), strict=True):
        q = torch.addcmul(q, share - weight * dot(y, q), s)
    return q


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Return ``a_k . b_k``, ``(N, 1)``."""
    return torch.bmm(a.unsqueeze(1), b.unsqueeze(2)).squeeze(2)
