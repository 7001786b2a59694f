"""Layer-parallel forward and adjoint solves (Günther, Ruthotto, Schroder, Cyr & Gauger, SIMODS 2020)."""

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor

from pdebridge.cube import known
from pdebridge.dynamics.base import Dynamics
from pdebridge.dynamics.normalisation import repeatable
from pdebridge.gradients.level import AdjointSteps, Steps
from pdebridge.gradients.line import Line
from pdebridge.gradients.mode import Block, Mode
from pdebridge.gradients.multigrid import Multigrid, PerLevel, Propagator, strides
from pdebridge.gradients.sums import WeightSums
from pdebridge.integrators.base import Integrator, State
from pdebridge.integrators.chebyshev import reaching
from pdebridge.integrators.runge_kutta import RungeKutta


class LayerParallel(Mode):
    """Solve for all states, and then for all adjoints, by multigrid in time: depth becomes batch.

    ``u_{k+1} = Phi_k(u_k)`` forth and ``lambda_k = (dPhi_k/du)^T lambda_{k+1}`` back, the latter at the states that the
    former has found, the coarse ones at theirs; ``g_k = (dPhi_k/dtheta)^T lambda_{k+1}`` on the finest level. The steps
    of all intervals of a relaxation are one batch, so that a device that is not filled by one layer works on ``N / m``
    of them. States and gradient are as exact as the cycles make them: in the study ``layer-parallel`` the error of a
    cycle is 0.01 to 0.09 of that before for weights that are smooth in depth, 0.1 to 0.3 for independent ones, at every
    depth, and with FCF both are those of the serial loop after ``N / (2 m)`` cycles. Memory of all states twice and of
    one linearisation of every step, two on coarse levels. Without gradients the block is the serial loop. Fits one-step
    methods.

    Or `distributed`: of ``P`` processes, which all see the same samples, each holds ``1/P`` of the states and of the
    steps of every level. A V-cycle sends ``nu`` states a level to the next process and one along the whole line, one
    sum of two numbers is taken, and the ends of both solves and the gradient of all weights go to everybody. Critical
    path of a cycle ``(nu + 2) N m / ((m - 1) P) + N_L`` steps for ``N_L >= P`` steps on the coarsest level, which no
    two processes take at the same time. Every process holds all weights.

    Args:
        cycles: at most so many cycles of the states.
        adjoint_cycles: at most so many of the adjoints; default as many.
        factor: coarsening factors by level.
        relaxations: ``nu`` by level; 0 is F-relaxation, 1 is FCF.
        cycle: ``V`` or ``F``.
        coarsest: least number of steps of a level.
        tolerance: relative residual at which a solve stops early.
        warm: start from the states and adjoints of the last call, for full batches that come again and again.
        nested: start from the solution of the coarse problem, which is near for weights that are smooth in depth, in
            place of the first state everywhere.
        distributed: share the steps among the processes of the default group of ``torch.distributed``.
        coarse: steps of coarse levels: the ``same`` method, or ``stable``: on a level of steps ``s h`` an explicit
            Runge-Kutta-Chebyshev method that is stable where ``h`` is, with about ``sqrt(s)`` stages. Layers that damp
            (`Parabolic`) and have an ``h`` near their limit need it: ``4 h`` and ``16 h`` are beyond it.
        bound: largest residual of a point, relative to the state there, that is accepted before the last correction of
            a solve. The pass that ends with a larger one warns and goes through the steps one by one, states and
            adjoints, and so do later ones: slower, and exact.

    Raises:
        ValueError: an option is out of its range.
    """

    again = False

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
        nested: bool = False,
        distributed: bool = False,
        coarse: str = "same",
        bound: float = 0.3,
    ) -> None:
        self.cycles = {"states": cycles, "adjoints": cycles if adjoint_cycles is None else adjoint_cycles}
        if min(self.cycles.values()) < 1 or cycle not in ("V", "F"):
            raise ValueError(f"a solve takes one cycle or more, V or F (found {self.cycles}, {cycle!r})")
        for name, value, least in (("factor", factor, 2), ("relaxations", relaxations, 0), ("coarsest", coarsest, 1)):
            if min([value] if isinstance(value, int) else value, default=-1) < least:
                raise ValueError(f"layer-parallel needs {name} >= {least}, on every level (found {value})")
        self.factor, self.relaxations, self.kind, self.coarsest = factor, relaxations, cycle, coarsest
        known(coarse, dict.fromkeys(("same", "stable")), "coarse step of layer-parallel")
        self.coarse, self.bound = coarse, bound
        self.tolerance, self.warm, self.nested, self.distributed = tolerance, warm, nested, distributed
        self.residuals: dict[str, Tensor | None] = {}
        self.last: dict[str, State] = {}

    def check(self, integrator: Integrator, dynamics: Dynamics, steps: int) -> None:
        """Refuse what is no one-step method, what ties samples or steps together, and steps that do not coarsen."""
        if self.coarse == "stable" and not isinstance(integrator, RungeKutta):
            raise ValueError(
                f"layer-parallel has stable coarse steps of forward-euler, rk2 and rk4, not {type(integrator).__name__}"
            )
        if not integrator.one_step:
            raise ValueError(
                f"layer-parallel needs a one-step method of fixed steps, not {type(integrator).__name__}: coarse levels"
                " take the same step with a larger h"
            )
        if not repeatable(dynamics):
            raise ValueError(
                f"layer-parallel evaluates every step several times, where {type(dynamics).__name__} has random numbers"
                " or batch statistics; use another normalisation, or the stored gradient"
            )
        strides(steps, self.factor, self.coarsest)

    def onwards(self, block: Block, state: State, sums: WeightSums) -> tuple[State, State]:
        """Return the last state, and all states of this process, stacked."""
        line = Line(self.distributed)
        states = self.solve("states", self.levels(block, line), state, line)
        return line.ends(states), states

    def backwards(self, block: Block, memory: State, sums: WeightSums, g: State) -> State:
        """Solve for the adjoints at these states; the weights see those of the last relaxation."""
        line = Line(self.distributed, backwards=True)
        fine = self.levels(block, line)
        levels = [AdjointSteps(level, tuple(s[: -1 : level.stride] for s in memory), sums.wanted) for level in fine]
        adjoints = self.solve("adjoints", levels, g, line)
        levels[0].weights(fine[1].stride, adjoints, sums)
        for total in sums.totals:
            if total is not None:
                line.add(total)
        return line.ends(adjoints)

    def levels(self, block: Block, line: Line) -> list[Steps]:
        """Return this process's steps of every level, the finest first."""
        found = strides(block.steps, self.factor, self.coarsest)
        own = line.own(block.steps // found[-1])
        first, last = own.start * found[-1], own.stop * found[-1]
        return [Steps(block, stride, first, last, self.method(block.integrator, stride)) for stride in found]

    def method(self, integrator: Integrator, stride: int) -> Integrator:
        """Return the step of a level."""
        if stride == 1 or self.coarse == "same":
            return integrator
        return reaching(stride * integrator.real_limit, integrator.abscissae)

    def solve(self, what: str, levels: Sequence[Propagator], first: State, line: Line) -> State:
        """Return all values from the first one on, stacked, and remember the residual."""
        n = levels[0].steps + 1
        last = self.last.get(what, ()) if self.warm else ()
        known = [(g.shape, g.dtype, g.device) for g in last] == [((n, *s.shape), s.dtype, s.device) for s in first]
        start = last if known else tuple(s.expand(n, *s.shape) for s in first)
        guess = tuple(g.clone() for g in start)  # a solve never changes what an earlier one has found
        if line.before is None:
            for g, s in zip(guess, first, strict=True):
                g[0] = s
        multigrid = Multigrid(levels, self.factor, self.relaxations, self.kind, line)
        with torch.no_grad():
            solution = self.judged(multigrid, guess, what, self.nested and not known)
        if self.warm:
            self.last[what] = solution
        return solution

    def judged(self, multigrid: Multigrid, guess: State, what: str, nested: bool) -> State:
        """Return the solution of the cycles, or that of the steps one by one if these leave too large a residual."""
        if not self.fallen:
            start = tuple(g[:1].clone() for g in guess)
            solution = multigrid.solve(guess, self.cycles[what], self.tolerance, nested)
            self.residuals[what] = multigrid.residual
            worst = multigrid.worst
            if worst is None or worst <= self.bound:
                return solution
            warnings.warn(
                f"layer-parallel leaves a residual of {float(worst):.1e} in its {what}, more than {self.bound:.1e}, "
                f"after {self.cycles[what]} cycles: this block goes through its steps one by one, in this pass and "
                "from now on (more cycles, a smaller factor, smaller steps or coarse='stable' may help)",
                stacklevel=2,
            )
            self.fallen = True
            for g, s in zip(guess, start, strict=True):
                g[:1] = s
        multigrid.walk(0, guess, None)
        return guess
