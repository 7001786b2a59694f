"""The value function ``Phi`` of a mean field game as a network with closed-form derivatives."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from pdebridge.meanfield.derivatives import Derivatives, Evaluate, Weights, log2cosh_tanh, tanh
from pdebridge.meanfield.quadratic import LowRankQuadratic, SymmetricQuadratic
from pdebridge.meanfield.row_norms import Gram, Jacobian

Time = float | Tensor


class ValueFunction(Protocol):
    """What the characteristics need of ``Phi``: a `Potential`, a closed form, or a user's own network."""

    @property
    def d(self) -> int:
        """Return the dimension of ``x``."""

    def __call__(self, x: Tensor, t: float) -> Tensor:
        """Return ``Phi(x, t)``, shape ``(N,)``."""

    def prepare(self) -> Callable[[Tensor, float], Derivatives]:
        """Return a function for the derivatives at many points with the weights as they are."""


class Potential(nn.Module):
    r"""``Phi(s) = w^T N(s) + s^T A_s s / 2 + c^T s + z_0`` for ``s = (x, t)`` in R^(d+1).

    ``N`` is a residual network with one residual layer of step 1,

        u_0 = sigma(K_0 s + b_0),    N(s) = u_0 + sigma(K_1 u_0 + b_1),    sigma(a) = log(e^a + e^-a),

    so that ``sigma' = tanh`` (Ruthotto, Osher, Li, Nurbekyan & Wu Fung, PNAS 117(17), 2020, and its public code).
    The published quadratic form is a full symmetric matrix, ``A_s = (A + A^T)/2``; with `rank` it is ``A^T A`` with
    ``A`` of that many rows (Onken, Wu Fung, Li & Ruthotto, OT-Flow, AAAI 2021), convex and cheap for large d.

    With ``T_i = tanh(a_i)`` at the pre-activations ``a_i`` and ``z_0 = w + K_1^T (T_1 w)``,

        grad_s Phi = K_0^T (T_0 z_0) + A_s s + c,
        Laplacian_x Phi = sum_i [(1 - T_0^2) z_0 |K_x|^2]_i + sum_k [(1 - T_1^2) w |K_1 diag(T_0) K_x|^2]_k + tr A_xx

    where ``|M|^2_k`` is the squared norm of row k and ``K_x`` the first d columns of ``K_0``. All derivatives of one
    point cost as much as a few evaluations of ``Phi``, whatever d.

    The effective weights number ``m(d+1) + m + m^2 + m + m + (d+1)^2 + (d+1) + 1``: 365, 613, 3773 and 12223 for
    width 16 and d = 2, 10, 50, 100. (The public code also stores the weights of a second, unused time node.)

    Args:
        d: dimension of ``x``.
        width: number of features ``m``.
        rank: rows of ``A`` in ``A^T A``, at most ``d + 1``; None for the published symmetric matrix.
        spread: standard deviation of the initial entries of ``K_0`` and ``K_1``; published 0.01. The biases start
            with standard deviation 0.1, ``w = 1``, ``c = 0``, ``z_0 = 0``.

    Raises:
        ValueError: `d`, `width` or `rank` is out of range.
    """

    def __init__(self, d: int, width: int = 16, rank: int | None = None, spread: float = 0.01) -> None:
        super().__init__()
        if d < 1 or width < 1:
            raise ValueError(f"a potential needs d >= 1 and width >= 1, not d = {d} and width = {width}")
        self.d, self.width = d, width
        self.K0 = nn.Parameter(spread * torch.randn(width, d + 1))
        self.b0 = nn.Parameter(0.1 * torch.randn(width))
        self.K1 = nn.Parameter(spread * torch.randn(width, width))
        self.b1 = nn.Parameter(0.1 * torch.randn(width))
        self.w = nn.Parameter(torch.ones(width))
        self.quadratic = SymmetricQuadratic(d) if rank is None else LowRankQuadratic(d, rank)
        self.z0 = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, t: Time) -> Tensor:
        """Return ``Phi(x, t)``, shape ``(N,)``, for rows ``x`` and one time or one time a row."""
        s = columns(x, t)
        u0 = log2cosh_tanh(torch.addmm(self.b0.unsqueeze(1), self.K0, s))[0]
        u1 = log2cosh_tanh(torch.addmm(self.b1.unsqueeze(1), self.K1, u0))[0]
        return self.w @ (u0 + u1) + self.quadratic(s) + self.z0

    def grad(self, x: Tensor, t: Time) -> Tensor:
        """Return ``grad_x Phi(x, t)``, shape ``(N, d)``, without the work of the Laplacian."""
        s = columns(x, t)
        u0, T0 = log2cosh_tanh(torch.addmm(self.b0.unsqueeze(1), self.K0, s))
        w = self.w.unsqueeze(1)
        z0 = torch.addmm(w, self.K1.t(), w * tanh(torch.addmm(self.b1.unsqueeze(1), self.K1, u0)))
        return torch.addmm(self.quadratic.gradient(s), self.K0.t(), T0 * z0)[: self.d].t()

    def derivatives(self, x: Tensor, t: Time) -> Derivatives:
        """Return gradient, time derivative and Laplacian at the rows ``x`` (see `prepare` for many calls)."""
        return self.prepare()(x, t)

    def prepare(self) -> "Prepared":
        """Collect what does not depend on the point; the Laplacian's row norms by `Gram` iff ``d > width``."""
        return self.prepare_with(Gram() if self.d > self.width else Jacobian())

    def prepare_with(self, row_norms: Gram | Jacobian) -> "Prepared":
        """Collect what does not depend on the point, the row norms by the method given."""
        stacked, symmetric, trace = self.quadratic.form()
        Kx = self.K0[:, : self.d]
        weights = Weights(
            W=torch.cat([self.K0, stacked]),
            b0=torch.cat([self.b0, self.b0.new_zeros(len(stacked))]),
            K1=self.K1,
            b1=self.b1,
            w=self.w,
            c=self.quadratic.c,
            gamma=Kx.square().sum(1),
            coefficients=row_norms.coefficients(self.K1, Kx),
            trace=trace,
            A=symmetric,
        )
        return Prepared(weights, row_norms)


@dataclass(frozen=True)
class Prepared:
    """A potential at fixed weights, ready to be differentiated at many points."""

    weights: Weights
    row_norms: Gram | Jacobian

    def __call__(self, x: Tensor, t: Time) -> Derivatives:
        """Return gradient ``(N, d)``, time derivative ``(N,)`` and Laplacian ``(N,)`` at the rows ``x``."""
        grad, laplacian = Evaluate.apply(self.row_norms, columns(x, t), *self.weights)
        return Derivatives(grad[:-1].t(), grad[-1], laplacian)


def columns(x: Tensor, t: Time) -> Tensor:
    """Return ``s = (x, t)`` as columns ``(d + 1, N)`` for rows ``x``, the layout of all evaluations."""
    last = torch.as_tensor(t, dtype=x.dtype, device=x.device).expand(len(x))
    return torch.cat([x.t(), last.unsqueeze(0)])
