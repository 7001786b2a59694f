"""The adaptive method of Dormand and Prince, through torchdiffeq, with a diagnosis where it fails."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torchdiffeq import odeint

from pdebridge.dynamics.field import AdjointField, Field, Portion
from pdebridge.integrators.base import Integrator, State
from pdebridge.integrators.runge_kutta import DormandPrince5

SCHEME = DormandPrince5()
STAGES = SCHEME.stages  # evaluations of an attempted step; the first slope is the last one of the step before


@dataclass
class Evaluations:
    """Evaluations of ``F`` by what they served.

    `start` finds first step sizes, `accepted` and `rejected` made steps of the forward pass, `recomputed` repeated
    accepted ones for their derivative, `backward` solved the reverse-time adjoint.
    """

    start: int = 0
    accepted: int = 0
    rejected: int = 0
    recomputed: int = 0
    backward: int = 0

    @property
    def forward(self) -> int:
        """Return the evaluations of the forward pass."""
        return self.start + self.accepted + self.rejected

    @property
    def back(self) -> int:
        """Return the evaluations that the backward pass asked for."""
        return self.recomputed + self.backward

    @property
    def total(self) -> int:
        """Return all evaluations."""
        return self.forward + self.back


class Accepted(NamedTuple):
    """An accepted step: the state at its start, the fraction ``c`` of the interval there, and its share of it."""

    u: Tensor
    c: float
    share: float


class StepSizeError(ArithmeticError):
    """The step size control cannot reach the end of the interval."""


class DormandPrince(Integrator):
    """``u(t_k) -> u(t_k + h)`` in as many steps of order 5 as the tolerance asks for.

    In half precision time and state are float32, ``F`` alone is evaluated in the lower one: a state of 8 bits has no
    error below a tolerance. The estimated error ``e`` of a step satisfies ``rms(e / (atol + rtol |u|)) <= 1`` over the
    batch as a whole (Dormand & Prince 1980; Hairer, Nørsett & Wanner, section II.4). The last step ends at the end of
    the interval. With one interval of shared weights this is the solver of a neural ODE; with N intervals the weights
    may jump between them, and within each they are the cubic through four samples of the control.

    Args:
        rtol: relative tolerance.
        atol: absolute tolerance; default `rtol`.
        attempts: most accepted and rejected steps of an interval.
        norm: of a scaled state, in place of the root mean square.

    Raises:
        ValueError: a tolerance is not positive.
    """

    structure = "explicit"
    order = 5
    adaptive = True
    one_step = False
    stages = STAGES
    abscissae = (0.0, 1 / 3, 2 / 3, 1.0)

    def __init__(
        self,
        rtol: float = 1e-5,
        atol: float | None = None,
        attempts: int = 10_000,
        norm: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.rtol, self.atol, self.attempts, self.norm = rtol, rtol if atol is None else atol, attempts, norm
        if not (self.rtol > 0 and self.atol > 0 and attempts > 0):
            raise ValueError(
                f"tolerances and the number of attempts must be positive (found rtol={rtol}, atol={self.atol}, "
                f"attempts={attempts}); steps of fixed size: rk4"
            )
        self.evaluations = Evaluations()

    def step(self, F: Field, state: State, h: float) -> State:
        """Advance ``(u,)`` by ``h``, backwards in time if ``h`` is negative.

        Where a graph is wanted it is that of the accepted steps, taken again with their sizes frozen.
        """
        if lifts(state[0]):
            low = state[0].dtype
            (end,) = self.step(Lifted(F, low), (state[0].float(),), h)
            return (end.to(low),)
        end, accepted = self.solve(F, state[0], h)
        if not torch.is_grad_enabled():
            return (end,)
        for step in accepted:
            state = SCHEME.step(Portion(F, step.c, step.share), state, h * step.share)
        self.evaluations.recomputed += STAGES * len(accepted)
        return state

    @torch.no_grad()
    def solve(self, F: Field, u: Tensor, h: float) -> tuple[Tensor, list[Accepted]]:
        """Return the state after ``h`` and the accepted steps.

        Raises:
            ValueError: the tolerance is below the precision of ``u``.
            StepSizeError: the solution blows up, ``F`` is not finite, or the problem is too stiff.
        """
        watched = Watched(F, h)
        return self.march(watched, u), watched.accepted

    def linearise(self, F: AdjointField, state: State, h: float) -> tuple[State, Callable[[State], State]]:
        """Advance ``(u,)`` and return the adjoint of the accepted steps, their sizes frozen.

        Each stage is linearised when the solver meets it, so that nothing is evaluated twice.
        """
        if lifts(state[0]):
            low = state[0].dtype
            (end,), pull = self.linearise(Lifted(F, low), (state[0].float(),), h)
            return (end.to(low),), lambda g: tuple(p.to(low) for p in pull(tuple(p.float() for p in g)))
        with torch.no_grad():
            watched = Linearised(F, h)
            return (self.march(watched, state[0]),), watched.pull

    def march(self, watched: "Watched", u: Tensor) -> Tensor:
        """Return the state at the end of the interval; raise what `solve` raises."""
        precision = torch.finfo(u.dtype)
        if self.rtol < precision.eps:
            raise ValueError(f"rtol={self.rtol:g} is below the precision of {precision.dtype}, {precision.eps:.1e}")
        end = torch.tensor(abs(watched.h), dtype=torch.float64, device=u.device)
        options: dict[str, Any] = {"step_t": end[None], "max_num_steps": self.attempts}
        if self.norm is not None:
            options["norm"] = self.norm
        times = torch.stack([torch.zeros_like(end), end])
        try:
            states = odeint(watched, u, times, rtol=self.rtol, atol=self.atol, method="dopri5", options=options)
        except AssertionError as error:  # torchdiffeq's way to say that it cannot go on
            raise StepSizeError(watched.diagnosis(self)) from error
        self.evaluations.start += 2
        self.evaluations.accepted += STAGES * len(watched.accepted)
        self.evaluations.rejected += STAGES * watched.rejected
        return states[1].clone()  # not a view that keeps the first state alive


def lifts(u: Tensor) -> bool:
    """Tell whether a state is too coarse for the control of its error."""
    return u.dtype in (torch.bfloat16, torch.float16)


class Lifted(AdjointField):
    """A field in half precision as one of float32 states.

    Args:
        whole: the field.
        low: its dtype.
    """

    __slots__ = ("low", "whole")

    def __init__(self, whole: Field, low: torch.dtype) -> None:
        self.whole, self.low = whole, low

    def __call__(self, u: Tensor, c: float = 0.0, part: int = 0) -> Tensor:
        """Evaluate the right-hand side."""
        return self.whole(u.to(self.low), c, part).to(u.dtype)

    def linearise(self, u: Tensor, c: float = 0.0, part: int = 0) -> tuple[Tensor, Callable[..., Tensor]]:
        """Return ``F(u)`` and its adjoint, if the whole is an `AdjointField`."""
        f, transpose = self.whole.linearise(u.to(self.low), c, part)  # type: ignore[attr-defined]
        return f.to(u.dtype), lambda g, scale=1.0: transpose(g.to(self.low), scale).to(u.dtype)


class Watched:
    """``F`` on ``[0, |h|]`` as torchdiffeq calls it, with a record of the accepted steps.

    Args:
        F: the field.
        h: signed size of the interval.
    """

    def __init__(self, F: Field, h: float) -> None:
        self.F, self.h = F, h
        self.accepted: list[Accepted] = []
        self.rejected = 0
        self.state: tuple[Tensor, float] | None = None

    def __call__(self, t: Tensor, u: Tensor) -> Tensor:
        """Return ``du/dt``."""
        f = self.slope(u, self.fraction(t))
        return f if self.h > 0 else -f

    def slope(self, u: Tensor, c: float) -> Tensor:
        """Return ``F(u)`` at the fraction ``c`` of the interval."""
        return self.F(u, c)

    def fraction(self, t: Tensor) -> float:
        """Return ``t`` as a fraction of the interval."""
        return min(float(t) / abs(self.h), 1.0)

    def callback_step(self, t: Tensor, u: Tensor, dt: Tensor) -> None:
        """Note where an attempt starts."""
        self.state = u, self.fraction(t)

    def callback_accept_step(self, t: Tensor, u: Tensor, dt: Tensor) -> None:
        """Note an accepted step."""
        self.accepted.append(Accepted(u, self.fraction(t), float(dt) / abs(self.h)))

    def callback_reject_step(self, t: Tensor, u: Tensor, dt: Tensor) -> None:
        """Count a rejected step."""
        self.rejected += 1

    def diagnosis(self, solver: DormandPrince) -> str:
        """Say where and why the step size control gave up, and what would help."""
        assert self.state is not None  # torchdiffeq calls back before it asserts anything
        u, c = self.state
        f = self.F(u, c)
        size, slope = float(torch.linalg.vector_norm(u)), float(torch.linalg.vector_norm(f))
        place = (
            f"Dormand-Prince (rtol={solver.rtol:g}, atol={solver.atol:g}) stops at {c:.3g} of an interval of h = "
            f"{self.h:g} after {len(self.accepted)} accepted and {self.rejected} rejected steps: "
        )
        if not (math.isfinite(size) and math.isfinite(slope)):
            return place + f"|u| = {size:.2g}, |F(u)| = {slope:.2g}; the solution has blown up or F is not finite there"
        rate = self.rate(u, f, c)
        return place + (
            f"|u| = {size:.2g}, |F(u)| = {slope:.2g}, and F changes at the rate {rate:.2g} along its own direction, so "
            f"that explicit steps are limited to about {3.3 / rate if rate else math.inf:.2g}; smaller weights or a "
            "smooth activation make the problem less stiff, a looser tolerance or float64 let it pass"
        )

    def rate(self, u: Tensor, f: Tensor, c: float) -> float:
        """Return ``|F(u + d) - F(u)| / |d|`` for a small ``d`` along ``F(u)``: the eigenvalue met by the solution."""
        length = torch.linalg.vector_norm(f)
        if not length > 0:
            return 0.0
        small = torch.finfo(u.dtype).eps ** 0.5 * torch.linalg.vector_norm(u).clamp_min(1.0)
        return float(torch.linalg.vector_norm(self.F(u.add(f * (small / length)), c) - f) / small)


class Linearised(Watched):
    """The same with the adjoints of the stages of the accepted steps; a step's last slope is the next one's first.

    Args:
        F: the field.
        h: signed size of the interval.
    """

    def __init__(self, F: AdjointField, h: float) -> None:
        super().__init__(F, h)
        self.stages: list[Callable[..., Tensor]] = []  # of the present attempt
        self.steps: list[list[Callable[..., Tensor]]] = []

    def slope(self, u: Tensor, c: float) -> Tensor:
        """Return ``F(u)`` and note its adjoint."""
        assert isinstance(self.F, AdjointField)
        f, transpose = self.F.linearise(u, c)
        self.stages.append(transpose)
        return f

    def callback_step(self, t: Tensor, u: Tensor, dt: Tensor) -> None:
        """Forget all of an attempt that failed but the first slope; likewise of the search for a first step size."""
        super().callback_step(t, u, dt)
        self.stages = self.stages[:1]

    def callback_accept_step(self, t: Tensor, u: Tensor, dt: Tensor) -> None:
        """Note an accepted step."""
        super().callback_accept_step(t, u, dt)
        self.steps.append(self.stages[:STAGES])
        self.stages = self.stages[STAGES:]

    def pull(self, cotangent: State) -> State:
        """Return the cotangent before the accepted steps, to be asked for once; steps are let go as they are used."""
        (g,) = cotangent
        self.stages = []
        for step in reversed(self.accepted):
            g = SCHEME.adjoint(self.steps.pop(), g, self.h * step.share)
        return (g,)
