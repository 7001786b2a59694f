"""L-BFGS for many small functions that are independent of each other, side by side."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from pdebridge.optimisation.two_loops import Pair, descent, dot

Functions = Callable[[Tensor], Tensor]
"""``(N, n) -> (N,)``: row ``k`` of the argument matters to value ``k`` alone."""


class Point(NamedTuple):
    """Arguments ``(N, n)``, values ``(N, 1)`` and gradients ``(N, n)``."""

    x: Tensor
    value: Tensor
    gradient: Tensor


@torch.no_grad()
def minimise(
    f: Functions, x: Tensor, iterations: int = 10, history: int = 10, c1: float = 1e-4, trials: int = 20
) -> Tensor:
    """Return ``x_k`` after so many iterations of L-BFGS on each ``f_k``, from the rows of ``x``.

    Every function has pairs, scaling and step length of its own, as if it were alone: the iterates are those of a loop
    over the functions. A step is halved until ``f_k(x + t d) <= f_k(x) + c_1 t g.d`` (Armijo), from 1, and a function
    that no trial decreases stays where it is; once none moves, nothing more does. One evaluation serves all functions
    that still search.

    Args:
        f: the functions, differentiable by autograd.
        x: starts, ``(N, n)``.
        iterations: of each function.
        history: pairs that are kept.
        c1: of the sufficient decrease.
        trials: evaluations that a line search may take.
    """
    at = evaluate(f, x)
    pairs: list[Pair] = []
    scale = 1 / at.gradient.norm(dim=1, keepdim=True).clamp_min(1.0)
    for _ in range(iterations):
        direction = descent(at.gradient, pairs, scale)
        new = search(f, at, direction, c1, trials)
        s, y = new.x - at.x, new.gradient - at.gradient
        if not s.any():
            break  # and would for ever
        curvature, square = dot(s, y), dot(y, y)
        valid = curvature > 1e-10 * (dot(s, s) * square).sqrt()
        pairs = [*pairs, Pair(s, y, torch.where(valid, 1 / curvature, 0))][-history:]
        scale = torch.where(valid, curvature / square, scale)
        at = new
    return at.x


def search(f: Functions, at: Point, direction: Tensor, c1: float, trials: int) -> Point:
    """Return the first of the points ``x_k + 2^{-j} d_k`` with sufficient decrease, or the present one."""
    slope = dot(at.gradient, direction)
    found, new = torch.zeros_like(slope, dtype=torch.bool), at
    for t in (0.5**j for j in range(trials)):
        trial = evaluate(f, torch.add(at.x, direction, alpha=t))
        fits = ~found & (trial.value <= at.value + c1 * t * slope)
        new = Point(*(torch.where(fits, a, b) for a, b in zip(trial, new, strict=True)))
        found |= fits
        if bool(found.all()):
            break
    return new


def evaluate(f: Functions, x: Tensor) -> Point:
    """Return values and gradients; one backward pass of the sum gives those of all functions."""
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        value = f(x)
        (gradient,) = torch.autograd.grad(value.sum(), x)
    return Point(x.detach(), value.detach().unsqueeze(1), gradient)
