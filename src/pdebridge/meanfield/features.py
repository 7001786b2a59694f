"""Characteristics of a game without interactions, in the space of the potential's features: no step depends on d.

Let ``W_x`` be the columns of x of the rows ``W = [K_0; A]`` of `Weights`, ``w_t`` that of time, and ``y`` what `layers`
makes of ``W_x z + t w_t + b_0``. Then ``grad_x Phi = W_x^T y + c_x``, so that ``P = W_x z`` has a differential equation
of its own, ``m + r`` features in place of d coordinates: with ``G = W_x W_x^T`` and ``g = W_x c_x``,

    alpha_1 P' = -(G y + g),   dPhi/dt = w_t^T y + c_t,   |grad_x Phi|^2 = y^T (G y + g) + g^T y + |c_x|^2.

The position is needed at the end alone: ``alpha_1 (z(T) - z(0)) = -W_x^T Y - T c_x``, ``Y`` the integral of ``y``.
All of this is linear in the stages, so that a Runge-Kutta step in ``P`` is that in ``z`` to rounding.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from pdebridge.meanfield.adjoint import STAGES, Grid
from pdebridge.meanfield.derivatives import Tape, Weights, layers, layers_adjoint


class Stage(NamedTuple):
    """What the adjoint needs of one Runge-Kutta stage."""

    tape: Tape
    slope: Tensor
    residual: Tensor


def applicable(grid: Grid, v: Weights) -> bool:
    """Return whether nothing asks for the position and the features are fewer than the coordinates."""
    return not grid.game.interactions and not len(v.A) and len(v.W) < grid.game.d


def characteristics_of_features(grid: Grid, x: Tensor, v: Weights) -> tuple[Tensor, Tensor]:
    """Return the final ``z`` ``(d, N)`` and the integrals ``(4, N)`` of columns ``x``, as `FusedCharacteristics`."""
    Wx, cx = v.W[:, :-1], v.c[:-1]
    slopes, constants = torch.cat([Wx @ Wx.t(), v.W[:, -1:].t()]), torch.cat([Wx @ cx, v.c[-1:]])
    features = v._replace(W=slopes, c=constants)
    Y, integrals = FeatureCharacteristics.apply(grid, Wx @ x, cx.square().sum(), *features)
    moved = torch.addmm((grid.steps * grid.h) * cx.unsqueeze(1), Wx.t(), Y)
    return torch.sub(x, moved, alpha=1 / grid.game.alpha.transport), integrals


class FeatureCharacteristics(torch.autograd.Function):
    """``(grid, W_x x, |c_x|^2, *weights)`` to ``Y`` ``(m + r, N)`` and the integrals ``(4, N)``.

    The weights are those of the potential with ``[G; w_t^T]`` for ``W`` and ``(g, c_t)`` for ``c``.
    """

    @staticmethod
    def forward(ctx: Any, grid: Grid, P: Tensor, c2: Tensor, *weights: Tensor) -> tuple[Tensor, Tensor]:
        """Integrate, keeping the stages of every step or, if checkpointed, its start."""
        v = Weights(*weights)
        Y, integrals = torch.zeros_like(P), P.new_zeros(4, P.shape[1])
        ctx.grid, ctx.weights, ctx.c2, ctx.steps = grid, v, c2, []
        for k in range(grid.steps):
            start = P
            P, Y, integrals, stages = step(grid, v, c2, P, Y, integrals, grid.start + k * grid.h)
            ctx.steps.append(start if grid.checkpointed else stages)
        return Y, integrals

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, Y_bar: Tensor, integrals_bar: Tensor) -> tuple[Tensor | None, ...]:
        """Go through the steps in reverse."""
        grid, v = ctx.grid, ctx.weights
        into, c2_bar = Weights(*map(torch.zeros_like, v)), torch.zeros_like(ctx.c2)
        P_bar, integrals_bar = torch.zeros_like(Y_bar), integrals_bar.contiguous()
        for k in reversed(range(grid.steps)):
            t, kept = grid.start + k * grid.h, ctx.steps[k]
            # what a step adds to Y and the integrals depends on neither, so that any will do for the stages
            stages = step(grid, v, ctx.c2, kept, Y_bar, integrals_bar, t)[3] if grid.checkpointed else kept
            P_bar = step_adjoint(grid, v, stages, t, P_bar, Y_bar, integrals_bar, into, c2_bar)
        return None, P_bar, c2_bar, *into


def step(
    grid: Grid, v: Weights, c2: Tensor, P: Tensor, Y: Tensor, integrals: Tensor, t: float
) -> tuple[Tensor, Tensor, Tensor, list[Stage]]:
    """Advance ``P``, ``Y`` and the integrals by one classical Runge-Kutta step."""
    alpha, h, stages = grid.game.alpha.transport, grid.h, []
    P_next, slope, g = P, P.new_empty(0), v.c[:-1]
    for c, b in STAGES:
        point = torch.add(P, slope[:-1], alpha=-c * h / alpha) if c else P
        bias = torch.add(v.b0, v.W[-1], alpha=t + c * h)
        laplacian, tape = layers(v, grid.row_norms, point + bias.unsqueeze(1))
        slope = torch.addmm(v.c.unsqueeze(1), v.W, tape.y)
        kinetic = ((tape.y * slope[:-1]).sum(0).addmv_(tape.y.t(), g) + c2).mul_(0.5 / alpha**2)
        residual = torch.sub(kinetic * alpha, slope[-1])
        rates = torch.stack([laplacian.div_(-alpha), kinetic, torch.zeros_like(kinetic), residual.abs()])
        P_next = torch.add(P_next, slope[:-1], alpha=-b * h / alpha)
        Y = torch.add(Y, tape.y, alpha=b * h)
        integrals = torch.add(integrals, rates, alpha=b * h)
        stages.append(Stage(tape, slope, residual))
    return P_next, Y, integrals, stages


def step_adjoint(
    grid: Grid,
    v: Weights,
    stages: list[Stage],
    t: float,
    P_bar: Tensor,
    Y_bar: Tensor,
    integrals_bar: Tensor,
    into: Weights,
    c2_bar: Tensor,
) -> Tensor:
    """Return the cotangent of a step's ``P`` for that of its result; add the weights' to `into` and `c2_bar`.

    Nothing depends on ``Y`` and the integrals, so that their cotangents are the same at every time.
    """
    alpha, h = grid.game.alpha.transport, grid.h
    log_det_bar, transport_bar, _, residual_bar = integrals_bar
    total, later, ahead, ones = P_bar, torch.zeros_like(P_bar), 0.0, torch.ones_like(log_det_bar)
    for (c, b), (tape, slope, residual) in zip(reversed(STAGES), reversed(stages), strict=True):
        r_bar = residual_bar * residual.sign() * (b * h)
        half_bar = torch.add(r_bar * alpha, transport_bar, alpha=b * h).mul_(0.5 / alpha**2)
        slope_bar = torch.empty_like(slope)
        torch.mul(tape.y, half_bar, out=slope_bar[:-1])
        into.c[:-1].addmv_(slope_bar[:-1], ones)
        slope_bar[:-1].add_(P_bar, alpha=-b * h / alpha).add_(later, alpha=-ahead * h / alpha)
        torch.neg(r_bar, out=slope_bar[-1])
        y_bar = torch.addmm(Y_bar, v.W.t(), slope_bar, beta=b * h).addcmul_(slope[:-1], half_bar)
        y_bar.addr_(v.c[:-1], half_bar)
        later = layers_adjoint(v, grid.row_norms, tape, y_bar, log_det_bar * (-b * h / alpha), into)
        into.W.addmm_(slope_bar, tape.y.t())
        into.W[-1].addmv_(later, ones, alpha=t + c * h)
        into.c.addmv_(slope_bar, ones)
        c2_bar.add_(half_bar.sum())
        total, ahead = total + later, c
    return total
