"""The steps of one level of multigrid in time, and their adjoints: many steps evaluated as one batch."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from itertools import repeat

import torch
from torch import Tensor
from torch.func import vmap

from pdebridge.dynamics.base import Dynamics, Sums, Theta
from pdebridge.dynamics.field import AdjointField, Field
from pdebridge.gradients.mode import Block
from pdebridge.gradients.replay import Repeated
from pdebridge.gradients.sums import WeightSums
from pdebridge.integrators.base import Integrator, State
from pdebridge.integrators.runge_kutta import RungeKutta


class Row:
    """Some steps side by side, as one step of states that are stacked in their first axis.

    Args:
        integrator: the step.
        dynamics: the right-hand side.
        theta: the weights of these steps, each ``(n, S, ...)``.
        k: their indices, ``(n,)``.
        h: step size.
    """

    def __init__(self, integrator: Integrator, dynamics: Dynamics, theta: Theta, k: Tensor, h: float) -> None:
        self.integrator, self.dynamics, self.theta, self.k, self.h = integrator, dynamics, theta, k, h
        # a method that is made of sums takes stacked tensors as they are, if the right-hand side does
        self.stacked = dynamics.side_by_side and type(integrator).linearise is RungeKutta.linearise
        if torch.is_autocast_enabled(k.device.type) or any(w.is_complex() for w in theta):
            self.stacked = False  # the adjoint is a graph then, which serves once

    def field(self, kind: type[Field], theta: Theta, k: Tensor, *sums: Sums) -> Field:
        """Return ``F``; it sees the index in its time ``t`` alone, which here is a tensor."""
        return kind(self.dynamics, theta, self.integrator.abscissae, k, self.h, *sums)  # type: ignore[arg-type]

    def side_by_side(self, kind: type[Field], theta: Theta, *sums: Sums) -> Field:
        """Return ``F`` of all steps, with the samples of their weights in the first axis."""
        return self.field(kind, tuple(w.transpose(0, 1) for w in theta), self.k, *sums)

    @cached_property
    def F(self) -> Field:
        """Return ``F`` of all steps with the row's own weights."""
        return self.side_by_side(Field, self.theta)

    def __call__(self, states: State) -> State:
        """Return the states after the steps."""
        return self.integrator.step(self.F, states, self.h) if self.stacked else self.mapped(self.theta, states)

    def under(self, theta: Theta, states: State) -> State:
        """Return the states after the steps under other weights, of the shapes of the row's."""
        if self.stacked:
            return self.integrator.step(self.side_by_side(Field, theta), states, self.h)
        return self.mapped(theta, states)

    def mapped(self, theta: Theta, states: State) -> State:
        """Do the same for steps that do not take stacked tensors."""

        def step(k: Tensor, weights: Theta, state: State) -> State:
            return self.integrator.step(self.field(Field, weights, k), state, self.h)

        if states[0].is_cuda or states[0].ndim == 3:
            return vmap(step)(self.k, theta, states)
        # images of one layer fill a processor, which takes two to three times as long for grouped convolutions
        weights = zip(*(w.unbind() for w in theta), strict=True) if theta else repeat(())
        each = zip(self.k.unbind(), weights, zip(*(s.unbind() for s in states), strict=True), strict=False)
        return tuple(torch.stack(parts) for parts in zip(*(step(*one) for one in each), strict=True))

    def linearise(self, states: State, wanted: Sequence[bool]) -> "Adjoint":
        """Return the adjoint of the steps at these states."""
        return Closed(self, states) if self.stacked else Recorded(self, states, wanted)


class Adjoint(ABC):
    """The adjoint of some steps side by side, which may be applied many times."""

    @abstractmethod
    def __call__(self, g: State) -> State:
        """Return ``J_k^T g_k`` of every step ``k``."""

    @abstractmethod
    def weights(self, g: State, sums: Sums) -> None:
        """Add ``(dPhi_k/dtheta)^T g_k`` of every step, stacked, to ``sums``."""


class Closed(Adjoint):
    """The closed form that dynamics and integrator know; it keeps the values of ``sigma``.

    Args:
        row: the steps.
        states: where they are linearised.
    """

    def __init__(self, row: Row, states: State) -> None:
        self.nothing = (None,) * len(row.theta)
        F = row.side_by_side(AdjointField, row.theta, self.nothing)
        assert isinstance(F, AdjointField)
        self.F = F
        _, self.pull = row.integrator.linearise(F, states, row.h)

    def __call__(self, g: State) -> State:
        """Apply the adjoint."""
        return self.pull(g)

    def weights(self, g: State, sums: Sums) -> None:
        """Apply it once more while the cotangents of the weights are collected."""
        self.F.collect(tuple(total if total is None else total.transpose(0, 1) for total in sums))
        self.pull(g)
        self.F.collect(self.nothing)


class Recorded(Adjoint):
    """A graph of the steps that autograd walks again and again.

    Args:
        row: the steps.
        states: where they are linearised.
        wanted: which weights need a gradient.
    """

    def __init__(self, row: Row, states: State, wanted: Sequence[bool]) -> None:
        self.before = tuple(s.detach().requires_grad_() for s in states)
        self.theta = tuple(w.detach().requires_grad_(want) for w, want in zip(row.theta, wanted, strict=True))
        with torch.enable_grad():
            self.after = row.mapped(self.theta, self.before)
        if isinstance(row.dynamics, Repeated):
            row.dynamics.look(self.after, (*self.before, *self.theta))

    def __call__(self, g: State) -> State:
        """Walk the graph to the states."""
        return torch.autograd.grad(self.after, self.before, g, retain_graph=True, materialize_grads=True)

    def weights(self, g: State, sums: Sums) -> None:
        """Walk it to the weights."""
        wanted = [(w, total) for w, total in zip(self.theta, sums, strict=True) if total is not None]
        if wanted:
            leaves = [w for w, _ in wanted]
            pulled = torch.autograd.grad(self.after, leaves, g, retain_graph=True, materialize_grads=True)
            for (_, total), p in zip(wanted, pulled, strict=True):
                total.add_(p)


class Steps:
    """Steps of ``h_l = s h`` with the weights of every ``s``-th fine step (rediscretisation), those of one process.

    Args:
        block: the fine steps.
        stride: ``s``.
        first: fine step at which this process's begin, a multiple of ``s``.
        last: fine step before which they end, another.
        integrator: the step.
    """

    def __init__(self, block: Block, stride: int, first: int, last: int, integrator: Integrator) -> None:
        self.integrator, self.dynamics, self.stride, self.h = integrator, block.dynamics, stride, stride * block.h
        self.first, self.steps = first // stride, (last - first) // stride
        self.theta = tuple(w.detach()[first:last:stride] for w in block.theta)
        like = self.theta[0] if self.theta else torch.zeros(())
        self.k = torch.arange(self.first, self.first + self.steps, device=like.device, dtype=like.dtype.to_real())
        self.rows: dict[range, Row] = {}

    def __call__(self, which: slice, states: State) -> State:
        """Return the states after the steps ``which``."""
        steps = range(self.steps)[which]
        if steps not in self.rows:
            self.rows[steps] = self.row(which, self.theta, self.k)
        return self.rows[steps](states)

    def row(self, which: slice, theta: Theta, k: Tensor) -> Row:
        """Return some of these steps, from the weights and indices of all in any order."""
        return Row(self.integrator, self.dynamics, tuple(w[which] for w in theta), k[which], self.h)


class AdjointSteps:
    """The adjoints of a level's steps, the last step first: ``lambda_k = J_k^T lambda_{k+1}``.

    Each is linearised once and applied as often as the solve asks for it.

    Args:
        level: the steps.
        states: where they are linearised, stacked ``(N_l, ...)``.
        wanted: which weights need a gradient.
    """

    def __init__(self, level: Steps, states: State, wanted: Sequence[bool]) -> None:
        self.level, self.steps, self.wanted = level, level.steps, wanted
        self.states, self.theta = (tuple(a.flip(0) for a in stack) for stack in (states, level.theta))
        self.k = level.k.flip(0)
        self.adjoints: dict[range, Adjoint] = {}

    def __call__(self, which: slice, cotangents: State) -> State:
        """Return the cotangents before the steps ``which``, counted from the last one."""
        return self.adjoint(which)(cotangents)

    def adjoint(self, which: slice) -> Adjoint:
        """Return the adjoint of some steps."""
        steps = range(self.steps)[which]
        if steps not in self.adjoints:
            row = self.level.row(which, self.theta, self.k)
            self.adjoints[steps] = row.linearise(tuple(s[which] for s in self.states), self.wanted)
        return self.adjoints[steps]

    def weights(self, m: int, adjoints: State, sums: WeightSums) -> None:
        """Add ``(dPhi_k/dtheta)^T lambda_{k+1}`` of every step of a level of intervals of ``m`` steps to ``sums``.

        ``adjoints`` holds ``lambda_N, ..., lambda_0``.
        """
        totals = [torch.zeros_like(w) if want else None for w, want in zip(self.theta, self.wanted, strict=True)]
        for j in range(m):
            which = slice(j, None, m)
            rows = tuple(total if total is None else total[which] for total in totals)
            self.adjoint(which).weights(tuple(a[:-1][which] for a in adjoints), rows)
        first = self.level.first
        sums.add(slice(first, first + self.steps), [t if t is None else t.flip(0) for t in totals])
