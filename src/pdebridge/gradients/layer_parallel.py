"""Layer-parallel forward and adjoint solves (Günther, Ruthotto, Schroder, Cyr & Gauger, SIMODS 2020)."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor
from torch.func import vmap

from pdebridge.dynamics.base import Dynamics, Theta
from pdebridge.dynamics.field import Field
from pdebridge.dynamics.normalisation import BatchNorm
from pdebridge.gradients.mode import Block, Mode
from pdebridge.gradients.multigrid import Multigrid, PerLevel, Propagator, strides
from pdebridge.gradients.sums import WeightSums
from pdebridge.integrators.base import Integrator, State
from pdebridge.integrators.midpoint import Midpoint


class Steps:
    """The steps of one level: steps of ``h_l = s h`` with the weights of every ``s``-th step (rediscretisation).

    Args:
        block: the fine steps.
        stride: ``s``.
    """

    def __init__(self, block: Block, stride: int) -> None:
        self.integrator, self.dynamics = block.integrator, block.dynamics
        self.steps, self.h = block.steps // stride, stride * block.h
        self.theta = tuple(w.detach()[::stride] for w in block.theta)

    def __call__(self, which: slice, states: State) -> State:
        """Return the states after the steps ``which``, all evaluated as one batch."""
        return self.advance(which, tuple(w[which] for w in self.theta), states)

    def advance(self, which: slice, theta: Theta, states: State) -> State:
        """Do the same with other weights, of these steps alone."""

        def step(k: Tensor, weights: Theta, state: State) -> State:
            # a dynamics sees the index in its time ``t`` alone, which here is a tensor
            F = Field(self.dynamics, weights, self.integrator.abscissae, k, self.h)  # type: ignore[arg-type]
            return self.integrator.step(F, state, self.h)

        k = torch.arange(self.steps, device=states[0].device, dtype=states[0].dtype)[which]
        return vmap(step)(k, theta, states)


class AdjointSteps:
    """The adjoints of a level's steps at given states, in the order of the way back: ``lambda_k = J_k^T lambda_{k+1}``.

    Each is linearised once and applied as often as the solve asks for it.

    Args:
        level: the steps.
        states: where they are linearised, stacked ``(N_l, ...)``.
        wanted: which weights need a gradient.
    """

    def __init__(self, level: Steps, states: State, wanted: Sequence[bool]) -> None:
        self.level, self.states, self.wanted, self.steps = level, states, wanted, level.steps
        self.graphs: dict[range, tuple[State, State, Theta]] = {}

    def __call__(self, which: slice, cotangents: State) -> State:
        """Return the cotangents before the steps ``which``, counted from the last one."""
        backwards = range(self.steps)[which]
        forwards = range(self.steps - 1 - backwards[-1], self.steps - backwards[0], backwards.step)
        before, after, _ = self.linearised(forwards)
        pulled = torch.autograd.grad(
            after, before, tuple(g.flip(0) for g in cotangents), retain_graph=True, materialize_grads=True
        )
        return tuple(g.flip(0) for g in pulled)

    def linearised(self, steps: range) -> tuple[State, State, Theta]:
        """Return arguments, results and weights of some steps, tied by a graph."""
        if steps not in self.graphs:
            which = slice(steps.start, steps.stop, steps.step)
            before = tuple(s[which].detach().requires_grad_() for s in self.states)
            with torch.enable_grad():
                leaves = zip(self.level.theta, self.wanted, strict=True)
                theta = tuple(w[which].detach().requires_grad_(want) for w, want in leaves)
                self.graphs[steps] = before, self.level.advance(which, theta, before), theta
        return self.graphs[steps]

    def weights(self, m: int, cotangents: State, sums: WeightSums) -> None:
        """Add ``(dPhi_k/dtheta)^T lambda_{k+1}`` of every step; ``cotangents`` holds ``lambda_1, ..., lambda_N``."""
        for j in range(m):
            _, after, theta = self.linearised(range(j, self.steps - m + 1 + j, m))
            leaves = [w for w, want in zip(theta, self.wanted, strict=True) if want]
            if leaves:
                g = torch.autograd.grad(after, leaves, tuple(c[j::m] for c in cotangents), materialize_grads=True)
                pulled = iter(g)
                sums.add(slice(j, None, m), [next(pulled) if want else None for want in self.wanted])


class LayerParallel(Mode):
    """Solve for all states, and then for all adjoints, by multigrid in time: depth becomes batch.

    The steps of all intervals of a relaxation are one batch, so that a device that is not filled by one layer works
    on ``N / m`` of them. States and gradient are as exact as the cycles make them: the error of a cycle is about 0.02
    to 0.05 of that before for weights that are smooth in depth, and both are those of the serial loop after
    ``N / (2 m)`` cycles. Memory of all states and of one linearisation of every step, twice on coarse levels. Without
    gradients the block is the serial loop. Fits one-step methods.

    Args:
        cycles: at most so many cycles of the states.
        adjoint_cycles: at most so many of the adjoints; default as many.
        factor: coarsening factors by level.
        relaxations: ``nu`` by level; 0 is F-relaxation, 1 is FCF.
        cycle: ``V`` or ``F``.
        coarsest: least number of steps of a level.
        tolerance: relative residual at which a solve stops early.
        warm: start from the states and adjoints of the last call, for full batches that come again and again.

    Raises:
        ValueError: an option is out of its range.
    """

    def __init__(
        self,
        cycles: int = 2,
        adjoint_cycles: int | None = None,
        factor: PerLevel = 4,
        relaxations: PerLevel = 1,
        cycle: str = "V",
        coarsest: int = 4,
        tolerance: float = 0.0,
        warm: bool = False,
    ) -> None:
        self.cycles = {"states": cycles, "adjoints": cycles if adjoint_cycles is None else adjoint_cycles}
        if min(self.cycles.values()) < 1 or cycle not in ("V", "F"):
            raise ValueError(f"a solve takes one cycle or more, V or F (found {self.cycles}, {cycle!r})")
        if min([factor] if isinstance(factor, int) else factor) < 2:
            raise ValueError(f"a coarser level has fewer steps: factor >= 2, not {factor}")
        self.factor, self.relaxations, self.kind, self.coarsest = factor, relaxations, cycle, coarsest
        self.tolerance, self.warm = tolerance, warm
        self.residuals: dict[str, Tensor | None] = {}
        self.last: dict[str, State] = {}

    def check(self, integrator: Integrator, dynamics: Dynamics) -> None:
        """Refuse what is no one-step method, and what ties samples or steps together."""
        if integrator.adaptive or isinstance(integrator, Midpoint):
            raise ValueError(
                f"layer-parallel needs a one-step method of fixed steps, not {type(integrator).__name__}: coarse levels"
                " take the same step with a larger h"
            )
        if dynamics.stochastic or any(isinstance(m, BatchNorm) for m in dynamics.modules()):
            raise ValueError(
                f"layer-parallel evaluates every step several times, where {type(dynamics).__name__} has random numbers"
                " or batch statistics; use another normalisation, or the stored gradient"
            )

    def onwards(self, block: Block, state: State, sums: WeightSums) -> tuple[State, State]:
        """Return the last state and all states, stacked."""
        levels = [Steps(block, stride) for stride in strides(block.steps, self.factor, self.coarsest)]
        states = self.solve("states", levels, state)
        return tuple(s[-1] for s in states), states

    def backwards(self, block: Block, memory: State, sums: WeightSums, g: State) -> State:
        """Solve for the adjoints at these states; the weights see those of the last relaxation."""
        fine = [Steps(block, stride) for stride in strides(block.steps, self.factor, self.coarsest)]
        counts = [level.steps for level in fine]
        levels = [
            AdjointSteps(level, tuple(s[: -1 : block.steps // level.steps] for s in memory), sums.wanted)
            for level in fine
        ]
        adjoints = self.solve("adjoints", levels, g)
        m = next(before // after for before, after in pairwise(counts))
        levels[0].weights(m, tuple(a[:-1].flip(0) for a in adjoints), sums)
        return tuple(a[-1] for a in adjoints)

    def solve(self, what: str, levels: Sequence[Propagator], first: State) -> State:
        """Return all values from the first one on, stacked, and remember the residual."""
        n = levels[0].steps + 1
        known = self.last.get(what, ()) if self.warm else ()
        if [g.shape for g in known] != [(n, *s.shape) for s in first]:
            known = tuple(s.expand(n, *s.shape) for s in first)
        guess = tuple(g.clone() for g in known)  # a solve never changes what an earlier one has found
        for g, s in zip(guess, first, strict=True):
            g[0] = s
        multigrid = Multigrid(levels, self.factor, self.relaxations, self.kind)
        with torch.no_grad():
            solution = multigrid.solve(guess, self.cycles[what], self.tolerance)
        self.residuals[what] = multigrid.residual
        if self.warm:
            self.last[what] = solution
        return solution
