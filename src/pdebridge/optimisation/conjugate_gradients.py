"""Preconditioned conjugate gradients for the step of a Newton method (Nocedal & Wright, algorithms 5.3 and 7.1)."""

from collections.abc import Callable

import torch
from torch import Tensor

Operator = Callable[[Tensor], Tensor]


def conjugate_gradients(A: Operator, b: Tensor, M: Operator, tolerance: float, iterations: int) -> Tensor:
    """Return ``x`` with ``|b - A x| <= tolerance |b|`` in the norm ``r^T M^{-1} r``, or the last iterate.

    Started from 0, every iterate has ``b.x > 0`` and is thus a direction of descent for ``b = -gradient``. Where
    ``p.A p <= 0``, the iterate before is returned; in the first iteration ``M^{-1} b``.

    Args:
        A: a symmetric operator on vectors ``(n,)``, positive definite as a rule.
        b: right-hand side, ``(n,)``.
        M: applies ``M^{-1}``, symmetric and positive definite.
        tolerance: relative, of the residual.
        iterations: most products with ``A``.
    """
    x, r, p = b.new_zeros(b.shape), b.clone(), M(b)
    rz = first = float(r @ p)
    for k in range(iterations):
        if rz <= tolerance**2 * first:
            break
        Ap = A(p)
        curvature = float(p @ Ap)
        if curvature <= 0:
            return x if k else p
        x.add_(p, alpha=rz / curvature)
        r.sub_(Ap, alpha=rz / curvature)
        z = M(r)
        before, rz = rz, float(r @ z)
        p = torch.add(z, p, alpha=rz / before)
    return x
