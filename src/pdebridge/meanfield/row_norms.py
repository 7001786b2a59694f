"""Squared row norms ``q_k = |[K_1 diag(tau) K_x]_k|^2`` of the residual layer's Jacobian, two ways.

``tau = tanh(a_0)`` differs from sample to sample, ``K_1`` ``(m, m)`` and ``K_x`` ``(m, d)`` do not. Either way ``q`` is
a quadratic form in ``tau`` with coefficients that are made once per set of weights, and its work is one matrix
product over all samples. No Jacobian is stored. Tensors are features by samples: ``tau`` and ``q`` are ``(m, N)``.
"""

import torch
from torch import Tensor


class Jacobian:
    """``q_k = sum_j (sum_i K_1[k,i] K_x[i,j] tau_i)^2``: ``2 m^2 d`` flops a sample, best for small d."""

    @staticmethod
    def coefficients(K1: Tensor, Kx: Tensor) -> Tensor:
        """Return ``R[(j, k), i] = K_x[i, j] K_1[k, i]``, shape ``(d m, m)``."""
        m, d = Kx.shape
        return (Kx.t().unsqueeze(1) * K1).reshape(d * m, m)

    @staticmethod
    def forward(R: Tensor, tau: Tensor) -> Tensor:
        """Return ``q`` ``(m, N)``."""
        return (R @ tau).square_().view(-1, *tau.shape).sum(0)

    @staticmethod
    def backward(R: Tensor, tau: Tensor, cotangent: Tensor, into: Tensor) -> Tensor:
        """Return the cotangent of ``tau`` for one of ``q`` and add that of ``R`` to `into`."""
        M = R @ tau
        M.view(-1, *tau.shape).mul_(2 * cotangent)
        into.addmm_(M, tau.t())
        return R.t() @ M


class Gram:
    """``q_k = sum_(i,j) K_1[k,i] K_1[k,j] G_ij tau_i tau_j``, ``G = K_x K_x^T``: ``m^2 (m+2)`` flops, whatever d.

    Each unordered pair ``(i, j)`` is one row of products ``tau_i tau_j``, made as ``(i, i + s mod m)`` for the
    shifts ``s = 0 .. m/2``: windows of ``tau`` laid end to end, so that no pair has to be gathered. For even m the
    pairs of shift m/2 come twice and count half.
    """

    @staticmethod
    def coefficients(K1: Tensor, Kx: Tensor) -> Tensor:
        """Return ``C[k, (s, i)]``, the coefficient of ``tau_i tau_(i+s)`` in ``q_k``, shape ``(m, (m//2 + 1) m)``."""
        m = len(K1)
        i = torch.arange(m, device=K1.device)
        j = (i + torch.arange(m // 2 + 1, device=K1.device).unsqueeze(1)) % m
        count = K1.new_full((m // 2 + 1, 1), 2.0)
        count[0] = 1.0
        if m % 2 == 0:
            count[-1] = 1.0
        G = count * (Kx @ Kx.t())[i.expand_as(j), j]
        return (K1.unsqueeze(1) * K1[:, j] * G).reshape(m, -1)

    @staticmethod
    def forward(C: Tensor, tau: Tensor) -> Tensor:
        """Return ``q`` ``(m, N)``."""
        return C @ _products(tau, _windows(tau))

    @staticmethod
    def backward(C: Tensor, tau: Tensor, cotangent: Tensor, into: Tensor) -> Tensor:
        """Return the cotangent of ``tau`` for one of ``q`` and add that of ``C`` to `into`."""
        m, n = tau.shape
        windows = _windows(tau)
        products = _products(tau, windows)
        into.addmm_(cotangent, products.t())
        pairs = (C.t() @ cotangent).view(-1, m, n)
        toward_j = tau.new_zeros(m + len(pairs), n)
        for s, row in enumerate(pairs):
            toward_j[s : s + m].addcmul_(row, tau)
        grad = torch.mul(pairs, windows, out=products.view_as(pairs)).sum(0).add_(toward_j[:m])
        grad[: len(pairs)] += toward_j[m:]
        return grad


def _windows(tau: Tensor) -> Tensor:
    """Return the view ``[s, i] = tau_(i + s mod m)`` for ``s = 0 .. m/2``, shape ``(m//2 + 1, m, N)``."""
    m, n = tau.shape
    shifts = m // 2 + 1
    return torch.cat([tau, tau[:shifts]]).as_strided((shifts, m, n), (n, n, 1))


def _products(tau: Tensor, windows: Tensor) -> Tensor:
    """Return ``tau_i tau_(i + s mod m)`` as ``((m//2 + 1) m, N)``; `out` because the windows overlap in memory."""
    return torch.mul(tau, windows, out=torch.empty(windows.shape, dtype=tau.dtype, device=tau.device)).flatten(0, 1)
