"""The adaptive solver: accuracy, counts, the last step, and a reason where it fails."""

import math

import pytest
import torch
from torch import Tensor

from pdebridge.dynamics.base import Dynamics, Instant, Theta
from pdebridge.dynamics.control import Constant, PiecewiseConstant
from pdebridge.dynamics.dense import Dense
from pdebridge.dynamics.field import Field, Portion
from pdebridge.dynamics.perceptron import Perceptron
from pdebridge.dynamics.spline import BSpline
from pdebridge.gradients.stored import stored
from pdebridge.integrators.dormand_prince import DormandPrince, StepSizeError
from pdebridge.integrators.runge_kutta import RK4, DormandPrince5
from pdebridge.networks.flow import Flow


class Formula(Dynamics):
    """``u' = f(t, u)``; counts its evaluations."""

    structure = "explicit"

    def __init__(self, f) -> None:
        super().__init__()
        self.f, self.calls = f, 0

    def initial(self) -> dict[str, Tensor]:
        return {}

    def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
        self.calls += 1
        return self.f(at.t, u)


def field(f, h: float) -> Field:
    return Field(Formula(f), (), (0.0,), 0, h)


def one(dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.ones(1, 1, dtype=dtype)


@pytest.mark.parametrize("rtol", [1e-4, 1e-7, 1e-10])
def test_error_follows_the_tolerance(rtol: float) -> None:
    """``u' = u cos t`` has the solution ``exp(sin t)``, forward and backward in time."""
    solver, F = DormandPrince(rtol), field(lambda t, u: u * math.cos(t), 2.0)
    (end,) = solver.step(F, (one(),), 2.0)
    assert 1e-3 * rtol < abs(float(end) / math.exp(math.sin(2.0)) - 1) < 20 * rtol
    autonomous = field(lambda t, u: -u, -2.0)
    (back,) = solver.step(autonomous, (one(),), -2.0)
    assert abs(float(back) / math.exp(2.0) - 1) < 20 * rtol


def test_every_evaluation_is_counted() -> None:
    problem = Formula(lambda t, u: 50 * torch.cos(torch.tensor(40.0 * t)) * u)
    solver = DormandPrince(1e-6)
    count = solver.evaluations
    with torch.no_grad():
        solver.step(Field(problem, (), (0.0,), 0, 1.0), (one(),), 1.0)
    assert count.rejected > 0 and count.accepted > 0 and count.backward == count.recomputed == 0
    assert problem.calls == count.forward == count.total
    solver.step(Field(problem, (), (0.0,), 0, 1.0), (one().requires_grad_(),), 1.0)
    assert problem.calls == count.total and count.recomputed == count.accepted / 2


def test_accepted_steps_fill_the_interval_and_are_fixed_steps() -> None:
    """Fixed steps of the recorded sizes give the adaptive solution back, to rounding."""
    F = field(lambda t, u: torch.sin(3 * u) + math.cos(5 * t), 1.5)
    u = torch.linspace(-1, 1, 6, dtype=torch.float64)[None]
    end, accepted = DormandPrince(1e-6).solve(F, u, 1.5)
    assert abs(sum(step.share for step in accepted) - 1) < 1e-14 and len(accepted) > 3
    fixed = DormandPrince5()
    for step in accepted:
        torch.testing.assert_close(step.u, u, rtol=1e-13, atol=1e-13)
        (u,) = fixed.step(Portion(F, step.c, step.share), (u,), 1.5 * step.share)
    torch.testing.assert_close(end, u, rtol=1e-13, atol=1e-13)


def test_weights_may_jump_between_intervals() -> None:
    """With piecewise constant weights the solver restarts at every jump, and agrees with many small fixed steps."""
    torch.manual_seed(0)
    F = Dense(3)
    control, u = PiecewiseConstant(F, 4).double(), torch.randn(2, 3, dtype=torch.float64)
    adaptive = Flow(F, control, DormandPrince(1e-9), stored, 4, 2.0)(u)
    torch.testing.assert_close(adaptive, Flow(F, control, RK4(), stored, 4, 2.0)(u, 64), rtol=1e-8, atol=1e-8)


def test_cubic_controls_are_sampled_exactly() -> None:
    torch.manual_seed(0)
    F = Perceptron(3, 8)
    control, u = BSpline(F, 5).double(), torch.randn(2, 3, dtype=torch.float64)  # two intervals
    adaptive = Flow(F, control, DormandPrince(1e-10), stored, 2, 2.0)(u)
    torch.testing.assert_close(adaptive, Flow(F, control, RK4(), stored, 2, 2.0)(u, 256), rtol=1e-8, atol=1e-8)


def test_shared_weights_need_one_interval() -> None:
    torch.manual_seed(0)
    F = Perceptron(3, 8)
    control, u, solver = Constant(F), torch.randn(2, 3), DormandPrince(1e-4)
    out = Flow(F, control, solver, stored, 1, 1.0)(u)
    assert out.shape == u.shape and out.requires_grad and solver.evaluations.start == 2


@pytest.mark.parametrize(
    ("f", "h", "reason"),
    [
        (lambda t, u: u * u, 2.0, "stops at 0.5 .*(blown up|at the rate)"),
        (lambda t, u: torch.where(u > 2, torch.nan, u), 2.0, "stops at 0.* of an interval of h = 2"),
        (lambda t, u: -1e9 * (u - math.cos(t)), 1.0, "rate 1e.09 along its own direction.*limited to about 3.3e-09"),
    ],
    ids=["blow-up", "not a number", "stiff"],
)
def test_failures_are_diagnosed(f, h: float, reason: str) -> None:
    with pytest.raises(StepSizeError, match=reason):
        DormandPrince(1e-6, attempts=300).step(field(f, h), (one(),), h)


def test_wrong_use_is_refused() -> None:
    for tolerance in ({"rtol": 0.0}, {"rtol": 1e-3, "atol": 0.0}, {"rtol": -1.0}, {"rtol": math.nan}):
        with pytest.raises(ValueError, match="tolerances and the number of attempts must be positive"):
            DormandPrince(**tolerance)
    with pytest.raises(ValueError, match="rtol=1e-09 is below the precision of float32, 1.2e-07"):
        DormandPrince(1e-9).step(field(lambda t, u: -u, 1.0), (one(torch.float32),), 1.0)
    F = Dense(2)
    for steps, time in ((4, -1.0), (4, 0.0), (0, 1.0)):
        with pytest.raises(ValueError, match="time increases from 0 to T in one step or more"):
            Flow(F, Constant(F), RK4(), stored, steps, time)
