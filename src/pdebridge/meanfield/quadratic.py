"""The quadratic part ``s^T A_s s / 2 + c^T s`` of the potential, ``s = (x, t)``, and its derivatives."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from pdebridge.meanfield.derivatives import Derivatives


class Quadratic(nn.Module, ABC):
    """``q(s) = s^T A_s s / 2 + c^T s`` with trainable ``A_s`` and ``c``, ``c = 0`` at first."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.d = d
        self.c = nn.Parameter(torch.zeros(d + 1))

    def forward(self, x: Tensor, t: float | Tensor) -> Tensor:
        """Return ``q(x, t)``, shape ``(N,)``: half the derivative along ``s``, plus half of ``c^T s``."""
        grad, dt, _ = self.derivatives(x, t)
        return 0.5 * (((grad + self.c[:-1]) * x).sum(1) + (dt + self.c[-1]) * t)

    @abstractmethod
    def derivatives(self, x: Tensor, t: float | Tensor) -> Derivatives:
        """Return ``grad_x q`` ``(N, d)``, ``dq/dt`` ``(N,)`` and the Laplacian, a scalar."""


class SymmetricQuadratic(Quadratic):
    """``A_s = (A + A^T)/2`` with a full ``A``, zero at first (Ruthotto et al. 2020)."""

    def __init__(self, d: int) -> None:
        super().__init__(d)
        self.A = nn.Parameter(torch.zeros(d + 1, d + 1))

    def derivatives(self, x: Tensor, t: float | Tensor) -> Derivatives:
        """Return the derivatives of ``q``."""
        A = 0.5 * (self.A + self.A.t())
        Axx, Axt, Att = A[:-1, :-1], A[:-1, -1], A[-1, -1]
        shift = torch.as_tensor(t, dtype=x.dtype, device=x.device).reshape(-1, 1) * Axt + self.c[:-1]
        return Derivatives(torch.addmm(shift, x, Axx), x @ Axt + t * Att + self.c[-1], Axx.trace())


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

    def derivatives(self, x: Tensor, t: float | Tensor) -> Derivatives:
        """Return the derivatives of ``q``."""
        Ax, At = self.A[:, :-1], self.A[:, -1]
        shift = torch.as_tensor(t, dtype=x.dtype, device=x.device).reshape(-1, 1) * At
        y = torch.addmm(shift, x, Ax.t())  # A s
        return Derivatives(torch.addmm(self.c[:-1], y, Ax), y @ At + self.c[-1], Ax.square().sum())
