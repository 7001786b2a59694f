"""The reverse-time adjoint is as exact as its step; the replay of accepted steps is exact."""

import math
import warnings

import pytest
import torch
from torch import Tensor
from torch.nn.functional import linear
from torchdiffeq import odeint

from pdebridge.dynamics.base import Dynamics, Instant, Theta
from pdebridge.dynamics.control import Constant, PiecewiseConstant
from pdebridge.dynamics.dense import Dense
from pdebridge.dynamics.field import AdjointField, Field, Portion
from pdebridge.dynamics.parabolic import Parabolic, SecondOrder
from pdebridge.dynamics.perceptron import Perceptron
from pdebridge.dynamics.spline import BSpline
from pdebridge.gradients.checkpointed import Checkpointed
from pdebridge.gradients.frozen_steps import FrozenSteps
from pdebridge.gradients.mode import Mode
from pdebridge.gradients.reverse_time import ReverseTime
from pdebridge.gradients.stored import stored
from pdebridge.gradients.taped import Taped
from pdebridge.integrators.base import Integrator
from pdebridge.integrators.dormand_prince import STAGES, DormandPrince
from pdebridge.integrators.euler import ForwardEuler
from pdebridge.integrators.leapfrog import Leapfrog
from pdebridge.integrators.runge_kutta import RK4, DormandPrince5, ExplicitMidpoint
from pdebridge.networks.flow import Flow


class Problem:
    """A perceptron field of width 4 with one of the controls, and the derivative of ``sum w u(T)``."""

    def __init__(self, control: str = "constant", intervals: int = 1) -> None:
        torch.manual_seed(0)
        self.F, self.intervals = Perceptron(4, 8), intervals
        made = {
            "constant": lambda: Constant(self.F),
            "piecewise": lambda: PiecewiseConstant(self.F, intervals),
            "spline": lambda: BSpline(self.F, intervals + 3),
        }
        self.control = made[control]().double()
        with torch.no_grad():
            for w in self.control.parameters():
                w.mul_(2)
        self.u = torch.randn(6, 4, dtype=torch.float64)
        self.weight = torch.linspace(-1.0, 2.0, 24, dtype=torch.float64).view(6, 4)

    def gradient(self, integrator: Integrator, mode, intervals: int | None = None) -> Tensor:
        u = self.u.clone().requires_grad_()
        out = Flow(self.F, self.control, integrator, mode, intervals or self.intervals, 2.0)(u)
        return self.differentiate(out, u)

    def differentiate(self, out: Tensor, u: Tensor) -> Tensor:
        found = torch.autograd.grad((self.weight * out).sum(), [u, *self.control.parameters()])
        return torch.cat([g.flatten() for g in found])

    def frozen(self, solver: DormandPrince) -> tuple[list[tuple[int, float, float]], Tensor]:
        """The grid of the adaptive solution, and autograd's gradient through fixed steps on it."""
        u, grid, h = self.u.clone().requires_grad_(), [], 2.0 / self.intervals
        v = self.u
        for k in range(self.intervals):
            with torch.no_grad():
                v, accepted = solver.solve(self.field(k, solver.abscissae), v, h)
            grid += [(k, step.c, step.share) for step in accepted]
        return grid, self.differentiate(self.march(grid, u, solver.abscissae), u)

    def field(self, k: int, abscissae: tuple[float, ...]) -> Field:
        rows = [w[k] for w in self.control.sample(self.intervals, abscissae)]
        return Field(self.F, rows, abscissae, k, 2.0 / self.intervals)

    def march(self, grid: list[tuple[int, float, float]], u: Tensor, abscissae: tuple[float, ...]) -> Tensor:
        for k, c, share in grid:
            (u,) = DormandPrince5().step(
                Portion(self.field(k, abscissae), c, share), (u,), share * 2.0 / self.intervals
            )
        return u


def distance(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm() / b.norm())


@pytest.mark.parametrize(("control", "intervals"), [("constant", 1), ("constant", 3), ("piecewise", 3), ("spline", 2)])
@pytest.mark.parametrize("rtol", [1e-3, 1e-8])
def test_replay_is_autograd_on_the_accepted_grid(rtol: float, control: str, intervals: int) -> None:
    problem = Problem(control, intervals)
    _, expected = problem.frozen(DormandPrince(rtol))
    assert distance(problem.gradient(DormandPrince(rtol), FrozenSteps()), expected) < 1e-12


def test_stored_and_replay_are_the_same_for_the_adaptive_solver() -> None:
    problem = Problem("piecewise", 3)
    replayed, kept = (problem.gradient(DormandPrince(1e-4), mode) for mode in (FrozenSteps(), stored))
    assert distance(replayed, kept) < 1e-12


@pytest.mark.parametrize("mode", [Taped(), Checkpointed("block")], ids=["taped", "checkpointed"])
@pytest.mark.parametrize(("control", "intervals"), [("constant", 1), ("piecewise", 3), ("spline", 2)])
def test_stages_linearised_by_the_solver_are_autograd_on_the_accepted_grid(
    control: str, intervals: int, mode: Mode
) -> None:
    """Also where steps are rejected and where time runs backwards."""
    problem, solver = Problem(control, intervals), DormandPrince(1e-8)
    with torch.no_grad():
        for w in problem.control.parameters():
            w.mul_(2)
    _, expected = problem.frozen(solver)
    assert solver.evaluations.rejected > 0
    assert distance(problem.gradient(DormandPrince(1e-8), mode), expected) < 1e-12


def test_linearised_steps_run_backwards_in_time() -> None:
    problem, solver = Problem(), DormandPrince(1e-6)
    rows = [w[0].detach() for w in problem.control.sample(1, (0.0,))]
    found = []
    for exact in (True, False):
        sums = tuple(torch.zeros_like(w) for w in rows)
        F = AdjointField(problem.F, rows, (0.0,), 0, -2.0, sums)
        step = Integrator.linearise if exact else DormandPrince.linearise
        (end,), adjoint = step(solver, F, (problem.u,), -2.0)
        found.append(torch.cat([x.flatten() for x in (end, *adjoint((problem.weight,)), *sums)]))
    assert distance(found[1], found[0]) < 1e-12


def test_replay_agrees_with_torchdiffeq_to_the_tolerance() -> None:
    """Autograd through torchdiffeq's own loop differentiates its first step size, too."""
    problem = Problem()
    W1, b1, v, W2, b2, W3, b3 = (w[0, 0] for w in problem.control.sample(1, (0.0,)))

    def rate(t: Tensor, u: Tensor) -> Tensor:
        return linear(torch.tanh(linear(torch.tanh(linear(u, W1, b1 + t * v)), W2, b2)), W3, b3)

    for rtol in (1e-4, 1e-8):
        u = problem.u.clone().requires_grad_()
        times = torch.tensor([0.0, 2.0], dtype=torch.float64)
        direct = problem.differentiate(odeint(rate, u, times, rtol=rtol, atol=rtol)[1], u)
        assert distance(problem.gradient(DormandPrince(rtol), FrozenSteps()), direct) < 30 * rtol


def test_replay_passes_the_taylor_test_on_its_grid() -> None:
    problem, solver = Problem("piecewise", 2), DormandPrince(1e-4)
    g = problem.gradient(solver, FrozenSteps())
    grid, _ = problem.frozen(solver)
    leaves = [problem.u, *problem.control.parameters()]
    start, d = [p.detach().clone() for p in leaves], [torch.randn_like(p) for p in leaves]
    slope = float(g @ torch.cat([p.flatten() for p in d]))

    def value(eps: float) -> float:
        with torch.no_grad():
            for p, p0, direction in zip(leaves, start, d, strict=True):
                p.copy_(p0 + eps * direction)
            return float((problem.weight * problem.march(grid, problem.u, solver.abscissae)).sum())

    at = value(0.0)
    coarse, fine = (abs(value(eps) - at - eps * slope) for eps in (2e-4, 1e-4))
    assert 3.6 < coarse / fine < 4.4


def test_evaluations_are_counted_by_what_they_serve() -> None:
    calls = 0

    class Counted(Perceptron):
        def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
            nonlocal calls
            calls += 1
            return super().forward(u, theta, at, part)

        closed_form = Dynamics.closed_form

    problem = Problem()
    problem.F = Counted(4, 8)
    for mode in (FrozenSteps(), ReverseTime(), Taped()):
        calls, solver = 0, DormandPrince(1e-6)
        problem.gradient(solver, mode)
        count = solver.evaluations
        assert calls == count.total and count.accepted % STAGES == count.rejected % STAGES == 0
        if isinstance(mode, FrozenSteps):
            assert count.recomputed == count.accepted and count.backward == 0
        elif isinstance(mode, Taped):
            assert count.back == 0
        else:
            assert count.recomputed == 0 and count.backward >= count.accepted


@pytest.mark.parametrize("scheme", [ForwardEuler(), ExplicitMidpoint(), RK4()], ids=lambda s: type(s).__name__)
def test_adjoint_is_wrong_by_the_order_of_the_step(scheme: Integrator) -> None:
    problem, errors = Problem(), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for steps in (16, 32):
            exact = problem.gradient(scheme, stored, steps)
            errors.append(distance(problem.gradient(scheme, ReverseTime(), steps), exact))
    assert abs(math.log2(errors[0] / errors[1]) - scheme.order) < 0.35


@pytest.mark.parametrize("seminorm", [True, False])
@pytest.mark.parametrize(("control", "intervals"), [("constant", 1), ("piecewise", 3), ("spline", 2)])
def test_adjoint_converges_with_the_tolerance(control: str, intervals: int, seminorm: bool) -> None:
    problem = Problem(control, intervals)
    exact = problem.gradient(DormandPrince(1e-9), FrozenSteps())
    for rtol in (1e-4, 1e-7):
        assert distance(problem.gradient(DormandPrince(rtol), ReverseTime(seminorm=seminorm)), exact) < 100 * rtol


def test_seminorm_takes_fewer_evaluations() -> None:
    counts = []
    for seminorm in (True, False):
        solver = DormandPrince(1e-7)
        Problem().gradient(solver, ReverseTime(seminorm=seminorm))
        counts.append(solver.evaluations.backward)
    assert counts[0] < counts[1]


def test_taylor_remainder_of_the_adjoint_levels_off() -> None:
    """It is of order 1 with the slope ``|(g_adjoint - g) v|``; that of the exact gradient is of order 2."""
    problem, scheme = Problem(), ExplicitMidpoint()
    v = torch.randn(problem.u.shape, dtype=torch.float64)

    @torch.no_grad()
    def value(u: Tensor) -> Tensor:
        return (problem.weight * Flow(problem.F, problem.control, scheme, stored, 8, 2.0)(u)).sum()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gradients = [problem.gradient(scheme, mode, 8)[: v.numel()] for mode in (ReverseTime(), stored)]
    slopes = [float(g @ v.flatten()) for g in gradients]
    remainders = [
        [abs(float(value(problem.u + eps * v) - value(problem.u)) - eps * slope) for eps in (2e-5, 1e-5)]
        for slope in slopes
    ]
    (coarse, fine), (exact_coarse, exact_fine) = remainders
    assert 1.9 < coarse / fine < 2.1 and 3.8 < exact_coarse / exact_fine < 4.2
    assert abs(fine / 1e-5 / abs(slopes[0] - slopes[1]) - 1) < 0.05


class Damped(Dynamics):
    """``u' = -rate u``."""

    structure = "explicit"

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def initial(self) -> dict[str, Tensor]:
        return {}

    def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
        return -self.rate * u


def test_a_reverse_flow_that_loses_the_state_warns() -> None:
    u = torch.ones(1, 2, dtype=torch.float64, requires_grad=True)
    for rate, lost in ((1.0, False), (30.0, True)):
        mode, F = ReverseTime(), Damped(rate)
        out = Flow(F, Constant(F), DormandPrince(1e-6), mode, 1, 1.0)(u)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            out.sum().backward()
        assert [("misses the state that it started from by" in str(w.message)) for w in caught] == [True] * lost
        assert (float(mode.error) > 1e-2) is lost


def test_wrong_use_is_refused() -> None:
    F = Parabolic(4, normalisation="batch", steps=2)
    with pytest.raises(ValueError, match="meets other states than the forward pass, where Parabolic has other batch"):
        Flow(F, PiecewiseConstant(F, 2), RK4(), ReverseTime, 2, 1.0)
    G = SecondOrder(4)
    with pytest.raises(ValueError, match="runs a Runge-Kutta method or dopri5 backwards, not Leapfrog"):
        Flow(G, PiecewiseConstant(G, 2), Leapfrog(), ReverseTime, 2, 1.0)
    D = Dense(4)
    with pytest.raises(ValueError, match="differentiates the accepted steps of dopri5, not those of RK4"):
        Flow(D, PiecewiseConstant(D, 2), RK4(), FrozenSteps, 2, 1.0)
    for tolerance in ({"rtol": 0.0}, {"atol": 0.0}, {"rtol": -1e-3}):
        with pytest.raises(ValueError, match="tolerances of the reverse-time adjoint must be positive"):
            ReverseTime(**tolerance)
