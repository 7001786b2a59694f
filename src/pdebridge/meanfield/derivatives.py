"""Gradient, time derivative and Laplacian of the potential's network in one evaluation with a hand-written adjoint."""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from pdebridge.meanfield.row_norms import Gram, Jacobian


class Derivatives(NamedTuple):
    """``grad_x Phi`` ``(N, d)``, ``dPhi/dt`` ``(N,)`` and ``Laplacian_x Phi`` ``(N,)``."""

    grad: Tensor
    dt: Tensor
    laplacian: Tensor


def log2cosh_tanh(a: Tensor) -> tuple[Tensor, Tensor]:
    """Return ``log(e^a + e^-a)`` and its derivative ``tanh(a)`` from one exponential, which cannot overflow."""
    magnitude = a.abs()
    p = (-2 * magnitude).exp() + 1
    return magnitude + p.log(), (2 / p - 1).copysign(a)


def fused_derivatives(
    x: Tensor,
    shift: Tensor,
    Kx: Tensor,
    kt: Tensor,
    K1: Tensor,
    b1: Tensor,
    w: Tensor,
    gamma: Tensor,
    coefficients: Tensor,
    base: Tensor,
    row_norms: Gram | Jacobian,
) -> Derivatives:
    """Differentiate ``w^T N(x, t)`` (see `pdebridge.meanfield.potential`) and add `base` to its gradient.

    Args:
        x: points ``(N, d)``.
        shift: ``k_t t + b_0``, shape ``(m, 1)`` or ``(m, N)``.
        Kx: first d columns of ``K_0``, ``(m, d)``.
        kt: last column of ``K_0``, ``(m,)``.
        K1: residual layer's matrix ``(m, m)``.
        b1: its bias ``(m,)``.
        w: output weights ``(m,)``.
        gamma: ``|K_x|^2`` by rows, ``(m,)``.
        coefficients: of the quadratic form, from `row_norms`.
        base: a gradient to add, broadcastable to ``(N, d)``.
        row_norms: how ``|K_1 diag(tanh a_0) K_x|^2`` is computed.
    """
    return Derivatives(*_Fused.apply(x, shift, Kx, kt, K1, b1, w, gamma, coefficients, base, row_norms))


class _Fused(torch.autograd.Function):
    """The formulas of `Potential` and their adjoint; bars in the derivation are suffixes ``_bar`` here."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        shift: Tensor,
        Kx: Tensor,
        kt: Tensor,
        K1: Tensor,
        b1: Tensor,
        w: Tensor,
        gamma: Tensor,
        coefficients: Tensor,
        base: Tensor,
        row_norms: Gram | Jacobian,
    ) -> tuple[Tensor, Tensor, Tensor]:
        u0, T0 = log2cosh_tanh(torch.addmm(shift, Kx, x.t()))
        T1 = log2cosh_tanh(torch.addmm(b1.unsqueeze(1), K1, u0))[1]
        w_ = w.unsqueeze(1)
        z0 = torch.addmm(w_, K1.t(), T1 * w_)
        y0 = T0 * z0
        q = row_norms.forward(coefficients, T0)
        laplacian = gamma @ (z0 - T0 * y0) + w @ (q - T1 * T1 * q)
        ctx.save_for_backward(x, Kx, kt, K1, w, gamma, coefficients, u0, T0, T1, z0, q)
        ctx.row_norms, ctx.shift, ctx.base = row_norms, shift.shape, base.shape
        return torch.addmm(base, y0.t(), Kx), kt @ y0, laplacian

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_bar: Tensor, dt_bar: Tensor, lap_bar: Tensor) -> tuple[Tensor | None, ...]:
        x, Kx, kt, K1, w, gamma, coefficients, u0, T0, T1, z0, q = ctx.saved_tensors
        w_, slope0, slope1 = w.unsqueeze(1), 1 - T0 * T0, 1 - T1 * T1
        y0, lap0 = T0 * z0, gamma.unsqueeze(1) * lap_bar

        y0_bar = torch.addmm(kt.unsqueeze(1) * dt_bar, Kx, grad_bar.t())
        T0_pairs, C_bar = ctx.row_norms.backward(coefficients, T0, slope1 * w_ * lap_bar)
        z0_bar = T0 * y0_bar + slope0 * lap0
        y1_bar = K1 @ z0_bar
        S1_bar = q * lap_bar
        T1_bar_over_w = y1_bar - 2 * T1 * S1_bar
        a1_bar = slope1 * T1_bar_over_w * w_
        T0_bar = T0_pairs + z0 * y0_bar - 2 * y0 * lap0
        a0_bar = T0 * (K1.t() @ a1_bar) + slope0 * T0_bar

        return (
            a0_bar.t() @ Kx,
            a0_bar.sum_to_size(ctx.shift),
            torch.addmm(y0 @ grad_bar, a0_bar, x),
            y0 @ dt_bar,
            torch.addmm((T1 * w_) @ z0_bar.t(), a1_bar, u0.t()),
            a1_bar.sum(1),
            (z0_bar + T1 * y1_bar + slope1 * S1_bar).sum(1),
            (slope0 * z0) @ lap_bar,
            C_bar,
            grad_bar.sum_to_size(ctx.base),
            None,
        )
