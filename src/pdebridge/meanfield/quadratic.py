"""The quadratic part ``s^T A_s s / 2 + c^T s`` of the potential, ``s = (x, t)``."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Form(NamedTuple):
    """``A_s`` as ``stacked^T stacked + symmetric``, either of them with no rows, and its trace over x."""

    stacked: Tensor
    symmetric: Tensor
    trace: Tensor


class Quadratic(nn.Module, ABC):
    """``q(s) = s^T A_s s / 2 + c^T s`` with trainable ``A_s`` and ``c``, ``c = 0`` at first."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.d = d
        self.c = nn.Parameter(torch.zeros(d + 1))

    @abstractmethod
    def form(self) -> Form:
        """Return ``A_s``."""

    def forward(self, s: Tensor) -> Tensor:
        """Return ``q`` ``(N,)`` at the columns of ``s`` ``(d + 1, N)``."""
        return 0.5 * (s * self._half_slope(s)).sum(0) + self.c @ s

    def gradient(self, s: Tensor) -> Tensor:
        """Return ``A_s s + c``, ``(d + 1, N)``."""
        return self._half_slope(s) + self.c.unsqueeze(1)

    def _half_slope(self, s: Tensor) -> Tensor:
        """Return ``A_s s``."""
        stacked, symmetric, _ = self.form()
        return symmetric @ s if len(symmetric) else stacked.t() @ (stacked @ s)


class SymmetricQuadratic(Quadratic):
    """``A_s = (A + A^T)/2`` with a full ``A``, zero at first (Ruthotto et al. 2020)."""

    def __init__(self, d: int) -> None:
        super().__init__(d)
        self.A = nn.Parameter(torch.zeros(d + 1, d + 1))

    def form(self) -> Form:
        """Return ``A_s``, symmetric."""
        A = 0.5 * (self.A + self.A.t())
        return Form(A.new_empty(0, self.d + 1), A, A[:-1, :-1].trace())


class LowRankQuadratic(Quadratic):
    """``A_s = A^T A`` with ``A`` of `rank` rows, Glorot-uniform at first (Onken et al. 2021).

    Raises:
        ValueError: `rank` is not between 1 and ``d + 1``.
    """

    def __init__(self, d: int, rank: int) -> None:
        super().__init__(d)
        if not 1 <= rank <= d + 1:
            raise ValueError(f"the rank of A must be between 1 and d + 1 = {d + 1}, not {rank}")
        self.A = nn.Parameter(torch.empty(rank, d + 1))
        nn.init.xavier_uniform_(self.A)

    def form(self) -> Form:
        """Return ``A_s``, stacked."""
        return Form(self.A, self.A.new_empty(0, self.d + 1), self.A[:, :-1].square().sum())
