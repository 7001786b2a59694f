"""The potential's derivatives in one evaluation, and the hand-written adjoint of that evaluation."""

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


class Weights(NamedTuple):
    """What an evaluation at ``s = (x, t)`` needs of a `Potential`, made once per set of weights.

    A quadratic form ``|A s|^2/2`` is r more features with activation ``a^2/2``: its rows are stacked below ``K_0``.
    """

    W: Tensor
    """``[K_0; A]``, ``(m + r, d + 1)``."""
    b0: Tensor
    """Bias of the rows of ``W``, ``(m + r,)``, zero in the last r."""
    K1: Tensor
    b1: Tensor
    w: Tensor
    c: Tensor
    gamma: Tensor
    """``|K_x|^2`` by rows, ``(m,)``."""
    coefficients: Tensor
    """Of the quadratic form of `pdebridge.meanfield.row_norms`."""
    trace: Tensor
    """Laplacian of the quadratic part, a scalar."""
    A: Tensor
    """Symmetric ``(d + 1, d + 1)``; empty if the quadratic form is stacked."""


class Tape(NamedTuple):
    """What the adjoint needs of `layers`; features by samples."""

    u0: Tensor
    T0: Tensor
    T1: Tensor
    z0: Tensor
    q: Tensor
    y: Tensor


def log2cosh_tanh(a: Tensor) -> tuple[Tensor, Tensor]:
    """Return ``log(e^a + e^-a)`` and its derivative ``tanh(a)`` from one exponential, which cannot overflow."""
    magnitude = a.abs()
    p = (-2 * magnitude).exp() + 1
    return magnitude + p.log(), (2 / p - 1).copysign(a)


def tanh(a: Tensor) -> Tensor:
    """Return ``tanh(a) = 2/(1 + e^(-2a)) - 1``, twice as fast on a CPU as `torch.tanh` and as accurate absolutely."""
    return torch.add(a.new_full((1,), -1), torch.sigmoid(a + a), alpha=2)


def evaluate(v: Weights, row_norms: Gram | Jacobian, s: Tensor) -> tuple[Tensor, Tensor, Tape]:
    """Return ``grad_s Phi`` ``(d + 1, N)``, the Laplacian in x ``(N,)`` and the tape, for columns ``s``.

    The formulas are those of `pdebridge.meanfield.potential.Potential`.
    """
    laplacian, tape = layers(v, row_norms, torch.addmm(v.b0.unsqueeze(1), v.W, s))
    grad = torch.addmm(v.c.unsqueeze(1), v.W.t(), tape.y)
    if len(v.A):
        grad.addmm_(v.A, s)
    return grad, laplacian, tape


def layers(v: Weights, row_norms: Gram | Jacobian, y: Tensor) -> tuple[Tensor, Tape]:
    """Return the Laplacian and the tape for pre-activations ``W s + b_0``, given as `y`, which becomes ``tape.y``.

    That is the cotangent of the pre-activations in ``grad_s Phi = W^T y + A s + c``: ``T_0 z_0`` in the rows of
    ``K_0``; the stacked quadratic form is its own.
    """
    m = len(v.w)
    w = v.w.unsqueeze(1)
    u0, T0 = log2cosh_tanh(y[:m])
    T1 = tanh(torch.addmm(v.b1.unsqueeze(1), v.K1, u0))
    z0 = torch.addmm(w, v.K1.t(), T1 * w)
    y0 = torch.mul(T0, z0, out=y[:m])
    q = row_norms.forward(v.coefficients, T0)
    laplacian = v.gamma @ torch.addcmul(z0, T0, y0, value=-1) + v.w @ torch.addcmul(q, T1 * T1, q, value=-1)
    return laplacian.add_(v.trace), Tape(u0, T0, T1, z0, q, y)


def adjoint(
    v: Weights, row_norms: Gram | Jacobian, s: Tensor, tape: Tape, grad_bar: Tensor, lap_bar: Tensor, into: Weights
) -> Tensor:
    """Return the cotangent of ``s`` and add those of the weights to `into`, for cotangents of `evaluate`'s values."""
    a_bar = layers_adjoint(v, row_norms, tape, v.W @ grad_bar, lap_bar, into)
    into.W.addmm_(tape.y, grad_bar.t()).addmm_(a_bar, s.t())
    into.c.addmv_(grad_bar, torch.ones_like(lap_bar))
    s_bar = v.W.t() @ a_bar
    if len(v.A):
        into.A.addmm_(grad_bar, s.t())
        s_bar.addmm_(v.A, grad_bar)
    return s_bar


def layers_adjoint(
    v: Weights, row_norms: Gram | Jacobian, tape: Tape, y_bar: Tensor, lap_bar: Tensor, into: Weights
) -> Tensor:
    """Return the cotangent of the pre-activations, in the memory of `y_bar`, and add those of the layers' weights."""
    u0, T0, T1, z0, q, y = tape
    m = len(v.w)
    w, y0, y0_bar = v.w.unsqueeze(1), y[:m], y_bar[:m]
    lap0, S1_bar = v.gamma.unsqueeze(1) * lap_bar, q * lap_bar
    slope0, slope1_w = torch.addcmul(lap_bar.new_ones(1), T0, T0, value=-1), torch.addcmul(w, T1 * w, T1, value=-1)

    z0_bar = torch.addcmul(T0 * y0_bar, slope0, lap0)
    y1_bar = v.K1 @ z0_bar
    curvature = T1 * S1_bar
    a1_bar = torch.sub(y1_bar, curvature, alpha=2).mul_(slope1_w)
    T0_bar = row_norms.backward(v.coefficients, T0, slope1_w * lap_bar, into.coefficients)
    T0_bar.addcmul_(z0, y0_bar).addcmul_(y0, lap0, value=-2).mul_(slope0)
    torch.addcmul(T0_bar, T0, v.K1.t() @ a1_bar, out=y0_bar)

    ones = torch.ones_like(lap_bar)
    into.w.addmv_(S1_bar.add_(z0_bar).addcmul_(T1, y1_bar.sub_(curvature)), ones)
    into.b0.addmv_(y_bar, ones)
    into.K1.addmm_(T1 * w, z0_bar.t()).addmm_(a1_bar, u0.t())
    into.b1.addmv_(a1_bar, ones)
    into.gamma.addmv_(slope0.mul_(z0), lap_bar)
    into.trace.add_(lap_bar.sum())
    return y_bar


class Evaluate(torch.autograd.Function):
    """`evaluate` in autograd: ``(row_norms, s, *weights)`` to ``grad_s Phi`` and the Laplacian."""

    @staticmethod
    def forward(ctx: Any, row_norms: Gram | Jacobian, s: Tensor, *weights: Tensor) -> tuple[Tensor, Tensor]:
        """Evaluate."""
        v = Weights(*weights)
        grad, laplacian, tape = evaluate(v, row_norms, s)
        ctx.row_norms = row_norms
        ctx.save_for_backward(s, *v, *tape)
        return grad, laplacian

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_bar: Tensor, lap_bar: Tensor) -> tuple[Tensor | None, ...]:
        """Apply the adjoint."""
        (s, *saved), split = ctx.saved_tensors, len(Weights._fields)
        v, tape = Weights(*saved[:split]), Tape(*saved[split:])
        into = Weights(*map(torch.zeros_like, v))
        return None, adjoint(v, ctx.row_norms, s, tape, grad_bar.contiguous(), lap_bar.contiguous(), into), *into
