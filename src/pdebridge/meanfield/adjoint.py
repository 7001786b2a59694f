"""The characteristics of a `Potential` with a hand-written adjoint: no graph, gradients of the weights in place.

The numbers are those of `pdebridge.meanfield.characteristics.trajectory`; only time and memory differ. Tensors are
features by samples.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from pdebridge.meanfield.derivatives import Tape, Weights, adjoint, evaluate
from pdebridge.meanfield.games import Game
from pdebridge.meanfield.row_norms import Gram, Jacobian

STAGES = ((0.0, 1 / 6), (0.5, 1 / 3), (0.5, 1 / 3), (1.0, 1 / 6))
"""Abscissa and weight of each stage of the classical Runge-Kutta method."""


class Grid(NamedTuple):
    """What of the problem is not differentiated."""

    game: Game
    row_norms: Gram | Jacobian
    steps: int
    start: float
    h: float
    checkpointed: bool


class Stage(NamedTuple):
    """What the adjoint needs of one Runge-Kutta stage."""

    s: Tensor
    tape: Tape
    grad: Tensor
    residual: Tensor
    log_rho: Tensor


class FusedCharacteristics(torch.autograd.Function):
    """``(grid, x^T, log rho_0(x), *weights)`` to the final ``z^T`` and the integrals ``(4, N)``.

    The interactions of the game are data here: no derivative is taken for weights of their own.
    """

    @staticmethod
    def forward(ctx: Any, grid: Grid, x: Tensor, log_rho0: Tensor, *weights: Tensor) -> tuple[Tensor, Tensor]:
        """Integrate, keeping the stages of every step or, if checkpointed, its start."""
        v = Weights(*weights)
        s, integrals = torch.cat([x, x.new_full((1, x.shape[1]), grid.start)]), x.new_zeros(4, x.shape[1])
        ctx.grid, ctx.weights, ctx.log_rho0, ctx.steps = grid, v, log_rho0, []
        for k in range(grid.steps):
            kept = (s, integrals[0])
            s, integrals, stages = step(grid, v, log_rho0, s, integrals, grid.start + k * grid.h)
            ctx.steps.append(kept if grid.checkpointed else stages)
        return s[:-1], integrals

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, z_bar: Tensor, integrals_bar: Tensor) -> tuple[Tensor | None, ...]:
        """Go through the steps in reverse."""
        grid, v = ctx.grid, ctx.weights
        into = Weights(*map(torch.zeros_like, v))
        s_bar = torch.cat([z_bar, torch.zeros_like(z_bar[:1])])
        log_det_bar, *rest = integrals_bar.contiguous().unbind(0)
        log_rho0_bar = torch.zeros_like(log_det_bar)
        for k in reversed(range(grid.steps)):
            stages = ctx.steps[k]
            if grid.checkpointed:
                s, log_determinant = stages
                integrals = torch.cat([log_determinant.unsqueeze(0), s.new_zeros(3, s.shape[1])])
                stages = step(grid, v, ctx.log_rho0, s, integrals, grid.start + k * grid.h)[2]
            before = log_det_bar
            s_bar, log_det_bar = step_adjoint(grid, v, stages, s_bar, log_det_bar, rest, into)
            log_rho0_bar += before - log_det_bar  # both enter through log rho = log rho_0 - l
        return None, s_bar[:-1], log_rho0_bar, *into


def step(
    grid: Grid, v: Weights, log_rho0: Tensor, s: Tensor, integrals: Tensor, t: float
) -> tuple[Tensor, Tensor, list[Stage]]:
    """Advance ``s = (z, t)`` and the integrals by one classical Runge-Kutta step."""
    alpha, h, stages = grid.game.alpha, grid.h, []
    s_next, integrals_next, slope, rates = s, integrals, s, integrals
    for c, b in STAGES:
        point, log_det = s, integrals[0]
        if c:
            point = torch.add(s, slope, alpha=-c * h / alpha.transport)
            point[-1] = t + c * h
            log_det = torch.add(log_det, rates[0], alpha=c * h)
        slope, laplacian, tape = evaluate(v, grid.row_norms, point)
        kinetic = slope[:-1].square().sum(0).mul_(0.5 / alpha.transport**2)
        residual = torch.add(-slope[-1], kinetic, alpha=alpha.transport)
        f, log_rho = torch.zeros_like(kinetic), log_rho0 - log_det
        if grid.game.interactions:
            f, variation = grid.game.running(point[:-1].t(), log_rho, point[-1, 0])
            residual.sub_(variation, alpha=alpha.running)
        rates = torch.stack([laplacian.div_(-alpha.transport), kinetic, f, residual.abs()])
        s_next = torch.add(s_next, slope, alpha=-b * h / alpha.transport)
        integrals_next = torch.add(integrals_next, rates, alpha=b * h)
        stages.append(Stage(point, tape, slope, residual, log_rho))
    s_next[-1] = t + h
    return s_next, integrals_next, stages


def step_adjoint(
    grid: Grid,
    v: Weights,
    stages: list[Stage],
    s_bar: Tensor,
    log_det_bar: Tensor,
    rest: list[Tensor],
    into: Weights,
) -> tuple[Tensor, Tensor]:
    """Return the cotangents of a step's ``s`` and ``l`` for those of its result; add the weights' to `into`."""
    alpha, h = grid.game.alpha, grid.h
    transport_bar, running_bar, residual_bar = rest
    total, log_det_total = s_bar, log_det_bar
    later, log_det_later = torch.zeros_like(s_bar), torch.zeros_like(log_det_bar)
    ahead = 0.0
    for (c, b), stage in zip(reversed(STAGES), reversed(stages), strict=True):
        r_bar = residual_bar * stage.residual.sign() * (b * h)
        kinetic_bar = torch.add(r_bar.mul(alpha.transport), transport_bar, alpha=b * h)
        grad_bar = stage.grad * (kinetic_bar / alpha.transport**2)
        grad_bar.add_(s_bar, alpha=-b * h / alpha.transport).add_(later, alpha=-ahead * h / alpha.transport)
        grad_bar[-1] = -r_bar
        rate_bar = torch.add(log_det_bar * (b * h), log_det_later, alpha=ahead * h)
        later = adjoint(v, grid.row_norms, stage.s, stage.tape, grad_bar, rate_bar.div_(-alpha.transport), into)
        log_det_later = torch.zeros_like(log_det_bar)
        if grid.game.interactions:
            z_bar, log_rho_bar = running_adjoint(grid.game, stage, running_bar * (b * h), r_bar * -alpha.running)
            later[:-1] += z_bar
            log_det_later = -log_rho_bar
        total, log_det_total = total + later, log_det_total + log_det_later
        ahead = c
    return total, log_det_total


def running_adjoint(game: Game, stage: Stage, f_bar: Tensor, variation_bar: Tensor) -> tuple[Tensor, Tensor]:
    """Return the cotangents of position ``(d, N)`` and log-density for those of ``f`` and ``dF/drho``."""
    z, log_rho = stage.s[:-1].t().detach().requires_grad_(), stage.log_rho.detach().requires_grad_()
    with torch.enable_grad():
        values = game.running(z, log_rho, stage.s[-1, 0])
    bars = torch.autograd.grad(values, (z, log_rho), (f_bar, variation_bar), materialize_grads=True)
    return bars[0].t(), bars[1]
