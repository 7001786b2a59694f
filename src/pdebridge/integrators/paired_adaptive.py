"""The algebraically reversible form of Dormand and Prince's method with step size control (McCallum & Foster, 2024)."""

import math
from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor

from pdebridge.dynamics.field import AdjointField, Field, Portion
from pdebridge.integrators.base import State
from pdebridge.integrators.dormand_prince import Evaluations, StepSizeError, lifts
from pdebridge.integrators.paired import Paired, Pull
from pdebridge.integrators.runge_kutta import DormandPrince5, add

ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)
"""The fifth-order weights less the embedded fourth-order ones."""


class PairedDormandPrince(Paired):
    """`Paired` steps of Dormand and Prince's method, as many an interval as the tolerance asks for; order 5.

    The sizes are those for which the method itself, from ``z``, has ``rms(e / (atol + rtol |u|)) <= 1`` (Hairer,
    Nørsett & Wanner, section II.4). The way back takes the same sizes, so that a neural ODE of any tolerance has the
    exact gradient of its steps in the memory of one: the state is ``(y, z)`` and where each step began, a number a
    step. Work of an accepted step 19 evaluations, of a rejected one 7; with the ``reversible`` gradient 36 more.

    Args:
        rtol: relative tolerance.
        atol: absolute tolerance; default `rtol`.
        coupling: ``l``, as in `Paired`.
        attempts: most accepted and rejected steps of an interval.

    Raises:
        ValueError: an argument is out of its range.
    """

    order = 5
    reversible = True
    adaptive = True
    one_step = False
    abscissae = (0.0, 1 / 3, 2 / 3, 1.0)
    method = DormandPrince5()

    def __init__(
        self, rtol: float = 1e-5, atol: float | None = None, coupling: float = 0.999, attempts: int = 10_000
    ) -> None:
        super().__init__(coupling)
        self.rtol, self.atol, self.attempts = rtol, rtol if atol is None else atol, attempts
        if not (self.rtol > 0 and self.atol > 0 and attempts > 0):
            raise ValueError(f"tolerances and attempts are positive (found {rtol=}, atol={self.atol}, {attempts=})")
        self.evaluations = Evaluations()

    def start(self, u: Tensor) -> State:
        """Return ``(u_0, u_0)`` and no beginning of a step."""
        if lifts(u) or self.rtol < torch.finfo(u.dtype).eps:
            raise ValueError(f"rtol={self.rtol:g} is below the precision of a state in {u.dtype}, or near it")
        return (u, u, u.new_empty(0, dtype=torch.float64))

    def step(self, F: Field, state: State, h: float) -> State:
        """Advance ``(y, z)`` and note where the steps begin."""
        *here, begins = state
        found: list[float] = []
        for c, share in self.sizes(F, here, h):
            here[:] = super().step(Portion(F, c, share), tuple(here), h * share)
            found.append(c)
        return (*here, torch.cat([begins, begins.new_tensor(found)]))

    def inverse(self, F: Field, state: State, h: float) -> State:
        """Undo the steps, the last one first."""
        y, z, begins = state
        parts, before = last_interval(begins)
        for c, share in reversed(parts):
            y, z = super().inverse(Portion(F, c, share), (y, z), h * share)
        return (y, z, before)

    def pullback(self, F: AdjointField, state: State, cotangent: State, h: float) -> tuple[State, State]:
        """Undo the steps and pull the cotangents back."""
        (y, z, begins), g = state, cotangent[:2]
        parts, before = last_interval(begins)
        for c, share in reversed(parts):
            (y, z), g = super().pullback(Portion(F, c, share), (y, z), g, h * share)
        self.evaluations.recomputed += self.stages * len(parts)
        return (y, z, before), (*g, torch.zeros_like(before))

    def linearise(self, F: AdjointField, state: State, h: float) -> tuple[State, Pull]:
        """Advance ``(y, z)`` and return the adjoint of the accepted steps, their sizes frozen."""
        *here, begins = state
        found: list[float] = []
        pulls: list[Pull] = []
        for c, share in self.sizes(F, here, h):
            here[:], pull = super().linearise(Portion(F, c, share), tuple(here), h * share)
            found.append(c)
            pulls.append(pull)

        def back(cotangent: State) -> State:
            g = cotangent[:2]
            while pulls:
                g = pulls.pop()(g)
            return (*g, torch.zeros_like(begins))

        return (*here, torch.cat([begins, begins.new_tensor(found)])), back

    def sizes(self, F: Field, here: list[Tensor], h: float) -> Iterator[tuple[float, float]]:
        """Return where the steps of an interval begin and their lengths, as fractions of it, one after the other.

        Args:
            F: the field of the interval.
            here: ``(y, z)``, which the caller advances before it asks for the next step.
            h: size of the interval.

        Raises:
            StepSizeError: the steps shrink without end, or there are too many.
        """
        c, share = 0.0, self.first(F, here[1], h)
        for _ in range(self.attempts):
            stop = min(c + share, 1.0)
            share = stop - c
            error = self.error(Portion(F, c, share), here[1], h * share)
            factor = min(max(0.9 * error**-0.2, 0.2), 10.0) if error > 0 else 10.0
            if error <= 1:
                self.evaluations.accepted += self.stages + 1
                yield c, share
                c = stop
                if c == 1.0:
                    return
            else:
                self.evaluations.rejected += self.stages // 2 + 1
            share *= factor if error < math.inf else 0.2
            if c + share <= c:
                break
        raise StepSizeError(
            f"reversible-dopri5 (rtol={self.rtol:g}, atol={self.atol:g}) stops at {c:.3g} of an interval of h = {h:g}: "
            "the solution blows up, F is not finite or the problem is too stiff; a looser tolerance or float64 may help"
        )

    @torch.no_grad()
    def first(self, F: Field, z: Tensor, h: float) -> float:
        """Return the fraction of the interval to begin with (Hairer, Nørsett & Wanner, section II.4)."""
        f = F(z)
        size, slope = self.rms(z, z), self.rms(f, z)
        little = 0.01 * size / slope if min(size, slope) > 1e-5 else 1e-6
        curve = self.rms(F(z.add(f, alpha=math.copysign(little, h))) - f, z) / little
        largest = max(slope, curve)
        guess = (0.01 / largest) ** 0.2 if largest > 1e-15 else max(1e-6, 1e-3 * little)
        self.evaluations.start += 2
        found = min(100 * little, guess) / abs(h)
        return min(found, 1.0) if math.isfinite(found) and found > 0 else 1e-6

    @torch.no_grad()
    def error(self, F: Field, z: Tensor, h: float) -> float:
        """Return ``rms(e / (atol + rtol |u|))`` of a step of the method; infinite where it is no number."""
        slopes: list[Tensor] = []
        for row, c in zip((*self.method.a, self.method.b), (*self.method.c, 1.0), strict=True):
            end = add(z, slopes, row, h)
            slopes.append(F(end, c))
        wrong = self.rms(add(torch.zeros_like(z), slopes, ERROR, h), torch.maximum(z.abs(), end.abs()))
        return wrong if math.isfinite(wrong) else math.inf

    def rms(self, a: Tensor, u: Tensor) -> float:
        """Return the root mean square of ``a / (atol + rtol |u|)``."""
        scaled = a / (self.atol + self.rtol * u.abs())
        return float(torch.linalg.vector_norm(scaled)) / math.sqrt(max(a.numel(), 1))


def last_interval(begins: Tensor) -> tuple[list[tuple[float, float]], Tensor]:
    """Return beginning and length of the steps since the last one that began at 0, and the beginnings before it."""
    found = begins.tolist()
    first = len(found) - 1 - found[::-1].index(0.0)
    return [(c, stop - c) for c, stop in pairwise([*found[first:], 1.0])], begins[:first]
