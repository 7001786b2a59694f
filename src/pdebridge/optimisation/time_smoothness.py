"""The penalties of the control in time as one operator, and its inverse by a cosine transform over depth."""

import math

import torch
from torch import Tensor


class TimeSmoothness:
    """``L = (alpha / h) D^T D + (gamma h + s) I`` over depth, for stacked weights of shape ``(N, ...)``.

    ``w.L w / 2`` with ``s = 0`` is ``alpha h / 2 sum_k |(w_{k+1} - w_k) / h|^2 + gamma h / 2 sum_k |w_k|^2`` (Haber &
    Ruthotto 2017, section 5). ``D`` takes first differences, so ``D^T D`` is the Laplacian of a path, with the free
    ends of Neumann: the cosines ``cos(pi j (k + 1/2) / N)`` are its eigenvectors, ``4 sin^2(pi j / 2N)`` the
    eigenvalues. The transform is an orthogonal matrix ``C``, one matrix product on all weights of a kind.

    Args:
        steps: ``N``.
        h: step size.
        alpha: weight of the smoothness.
        gamma: weight of the Tikhonov penalty.
        like: has the dtype and the device of the weights.
    """

    def __init__(self, steps: int, h: float, alpha: float, gamma: float, like: Tensor) -> None:
        j = torch.arange(steps, dtype=torch.float64)
        C = math.sqrt(2 / steps) * torch.cos(math.pi / steps * torch.outer(j, j + 0.5))
        C[0] *= math.sqrt(0.5)
        eigenvalues = alpha / h * 4 * torch.sin(math.pi / (2 * steps) * j).square() + gamma * h
        self.C, self.eigenvalues = C.to(like), eigenvalues.to(like)
        self.L = self.C.T @ (self.eigenvalues[:, None] * self.C)

    def __call__(self, w: Tensor) -> Tensor:
        """Return ``L w`` with ``s = 0``."""
        return (self.L @ w.flatten(1)).view_as(w)

    def solve(self, r: Tensor, s: float) -> Tensor:
        """Return ``L^{-1} r`` for a shift ``s`` that makes ``L`` positive definite."""
        transformed = self.C @ r.flatten(1)
        return (self.C.T @ (transformed / (self.eigenvalues[:, None] + s))).view_as(r)
