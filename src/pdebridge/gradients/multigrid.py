"""Multigrid reduction in time: a recursion over many steps as a system that is relaxed in all intervals at once."""

import math
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from pdebridge.gradients.line import Line
from pdebridge.integrators.base import State

PerLevel = int | Sequence[int]


class Propagator(Protocol):
    """The steps ``Phi_1, ..., Phi_N`` of one level, applied side by side."""

    steps: int

    def __call__(self, which: slice, states: State, /) -> State:
        """Return ``Phi_{i+1}(u_i)`` for the indices ``i`` in ``which``; states are stacked in their first axis."""


def on_level(value: PerLevel, level: int) -> int:
    """Return a level's value of an option; the last one given is that of all coarser levels."""
    return value if isinstance(value, int) else value[min(level, len(value) - 1)]


def strides(steps: int, factor: PerLevel, coarsest: int) -> list[int]:
    """Return how many steps one step of each level stands for: 1, ``m_0``, ``m_0 m_1``, ...

    Levels are added while the next one has at least ``coarsest`` steps and is a whole number of them.

    Raises:
        ValueError: not even one level can be added.
    """
    found, n = [1], steps
    while n % (m := on_level(factor, len(found) - 1)) == 0 and n // m >= coarsest:
        n //= m
        found.append(found[-1] * m)
    if len(found) == 1:
        raise ValueError(
            f"layer-parallel coarsens N = {steps} steps by {on_level(factor, 0)} to {coarsest} or more: N must be a"
            f" multiple of {on_level(factor, 0)}, and at least {coarsest * on_level(factor, 0)}"
        )
    return found


class Multigrid:
    """The full approximation scheme for ``u_0 = g_0, u_i = Phi_i(u_{i-1}) + g_i`` (Günther et al. 2020; XBraid).

    Every ``m``-th point is a C-point, the others are F-points, which F-relaxation fills in every interval from its
    C-point. A cycle starts there: ``nu`` times C- and F-relaxation (FCF for 1), the C-points get the correction of the
    coarse problem, whose steps are ``m`` times longer, and F-relaxation follows. Intervals are relaxed side by side.
    A level of ``N_l`` steps takes ``(nu + 2) N_l`` of them a V-cycle, all levels ``(nu + 2) N m / (m - 1)`` (4 N for
    FCF and ``m = 4``; 3 N with ``nu = 0`` on the finest level). Where every interval has a process, the critical path
    is ``(nu + 2) m`` steps a level, ``O(m log N / log m)``. A cycle makes ``nu + 1`` more C-points exact, so that
    ``N / ((nu + 1) m)`` of them make all.

    Several processes hold neighbouring parts of every level. A C-relaxation sends one state to the successor; the
    coarsest level is a walk along the line, of as many steps as it has. Every rank makes the same numbers as one
    process with all steps.

    Args:
        levels: propagators, the finest first, with ``N, N / m_0, N / (m_0 m_1), ...`` steps.
        factor: coarsening factors ``m`` by level.
        relaxations: ``nu`` by level.
        cycle: ``V``, or ``F``, which follows the F-cycle on the next level by a V-cycle there.
        line: the processes.
    """

    def __init__(
        self, levels: Sequence[Propagator], factor: PerLevel, relaxations: PerLevel, cycle: str, line: Line
    ) -> None:
        self.levels, self.factor, self.relaxations, self.kind, self.line = levels, factor, relaxations, cycle, line
        self.residual: Tensor | None = None
        self.worst: Tensor | None = None

    def solve(self, u: State, cycles: int, tolerance: float = 0.0, nested: bool = False) -> State:
        """Improve ``u``, stacked ``(N + 1, ...)`` with the given ``u_0``, in place, and return it.

        Stops after so many cycles, or once the residual at the C-points, relative to the norm of all states there, was
        at most ``tolerance`` before the last correction. `residual` holds it, as a tensor, and `worst` the largest one
        of a C-point relative to the state there, which counts where states decay along the line. With ``nested`` only
        ``u_0`` counts: the other states start as those of the next coarser level after a cycle there.
        """
        if nested:
            self.guess(0, u)
        else:
            self.fill(0, u, None)
        for _ in range(cycles):
            self.cycle(0, u, None, self.kind)
            if tolerance and float(self.residual or 0) <= tolerance:
                break
        return u

    def guess(self, level: int, u: State) -> None:
        """Nested iteration: the coarse problem is solved by a cycle that starts from its own coarse problem."""
        if self.is_last(level):
            self.walk(level, u, None)
            return
        m = on_level(self.factor, level)
        points = tuple(p[::m].clone() for p in u)
        self.guess(level + 1, points)
        if not self.is_last(level + 1):
            self.cycle(level + 1, points, None, "V")
        for p, v in zip(u, points, strict=True):
            p[::m] = v
        self.fill(level, u, None)

    def cycle(self, level: int, u: State, g: State | None, kind: str) -> None:
        """Run one cycle from a level downwards, on states whose F-points are filled."""
        m = on_level(self.factor, level)
        for _ in range(on_level(self.relaxations, level)):
            self.relax(level, u, g, slice(m - 1, None, m), slice(m, None, m))
            self.line.exchange(u)
            self.fill(level, u, g)
        for inner in ("F", "V") if kind == "F" else ("V",):
            self.correct(level, u, g, inner)
            self.fill(level, u, g)

    def is_last(self, level: int) -> bool:
        """Tell whether a level is the coarsest."""
        return level == len(self.levels) - 1

    def walk(self, level: int, u: State, g: State | None) -> None:
        """Solve on the coarsest level: one step after another, one process after another."""
        self.line.receive(u)
        for i in range(self.levels[level].steps):
            self.relax(level, u, g, slice(i, i + 1), slice(i + 1, i + 2))
        self.line.send(u)

    def relax(self, level: int, u: State, g: State | None, before: slice, after: slice) -> None:
        """Set the points ``after`` from those ``before`` them."""
        phi = self.levels[level]
        for p, new in zip(u, self.propagated(phi, u, g, before, after), strict=True):
            p[after] = new

    def propagated(self, phi: Propagator, u: State, g: State | None, before: slice, after: slice) -> State:
        """Return ``Phi_i(u_{i-1}) + g_i`` at the points ``after``."""
        new = phi(before, tuple(p[:-1][before] for p in u))
        return new if g is None else tuple(n + q[after] for n, q in zip(new, g, strict=True))

    def fill(self, level: int, u: State, g: State | None) -> None:
        """F-relaxation: propagate every C-point through its interval."""
        m = on_level(self.factor, level)
        last = self.levels[level].steps
        for j in range(1, m):
            self.relax(level, u, g, slice(j - 1, None, m), slice(j, last, m))

    def correct(self, level: int, u: State, g: State | None, kind: str) -> None:
        """Add to the C-points what the coarse problem changes there."""
        m, coarse = on_level(self.factor, level), self.levels[level + 1]
        points = tuple(p[::m].clone() for p in u)
        fine = self.propagated(self.levels[level], u, g, slice(m - 1, None, m), slice(m, None, m))
        rough = coarse(slice(None), tuple(p[:-1] for p in points))
        # g_i = u_i - Phi_coarse(u_{i-1}) + r_i with the residual r_i = Phi(u_{im-1}) + g_{im} - u_i
        right = tuple(torch.cat([p[:1], f - r]) for p, f, r in zip(points, fine, rough, strict=True))
        if level == 0:
            there = tuple(p[1:] for p in points)
            wrong = tuple(f - p for f, p in zip(fine, there, strict=True))
            self.residual, self.worst = self.relative(wrong, there), self.largest(wrong, there)
        solution = tuple(p.clone() for p in points)
        if self.is_last(level + 1):
            self.walk(level + 1, solution, right)
        else:
            self.fill(level + 1, solution, right)
            self.cycle(level + 1, solution, right, kind)
        for p, v, c in zip(u, solution, points, strict=True):
            p[::m] += v - c

    def relative(self, residual: State, states: State) -> Tensor:
        """Return the Euclidean norm of one stack of states relative to that of another, over all processes."""
        squares = [torch.stack([square(p).sum() for p in parts]).sum() for parts in (residual, states)]
        r, u = self.line.add(torch.stack(squares)).sqrt()
        return r / u

    def largest(self, residual: State, states: State) -> Tensor:
        """Return the largest Euclidean norm of one point relative to that of the other stack's, over all processes."""
        sums = [torch.stack([square(p.flatten(1)).sum(1) for p in parts]).sum(0) for parts in (residual, states)]
        ratio = (sums[0] / sums[1].where(sums[1] > 0, 1.0)).sqrt()
        return self.line.largest(ratio.nan_to_num(nan=math.inf).amax() if len(ratio) else ratio.new_zeros(()))


def square(p: Tensor) -> Tensor:
    """Return ``|p|^2`` of every entry."""
    return (p.abs() if p.is_complex() else p).square()
