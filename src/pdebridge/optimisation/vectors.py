"""All weights as one vector, in the order in which they are given."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor


def join(parts: Iterable[Tensor]) -> Tensor:
    """Return the tensors one after another, ``(n,)``."""
    return torch.cat([part.flatten() for part in parts])


def split(v: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    """Return views of ``v`` with the shapes of the tensors in ``like``."""
    pieces = v.split([w.numel() for w in like])
    return [piece.view_as(w) for piece, w in zip(pieces, like, strict=True)]


@torch.no_grad()
def place(v: Tensor, weights: Sequence[Tensor]) -> None:
    """Write ``v`` into the weights."""
    for w, part in zip(weights, split(v, weights), strict=True):
        w.copy_(part)
