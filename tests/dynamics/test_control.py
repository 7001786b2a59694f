"""Controls against closed forms, and trained controls discretised anew."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from pdebridge.catalogue import CONTROLS
from pdebridge.cube import load
from pdebridge.dynamics.base import Dynamics, Instant, Theta
from pdebridge.dynamics.control import Constant, Control, PiecewiseConstant
from pdebridge.dynamics.dense import Dense
from pdebridge.dynamics.spline import BSpline, PiecewiseLinear, design
from pdebridge.gradients.stored import stored
from pdebridge.integrators.base import Integrator
from pdebridge.integrators.euler import ForwardEuler
from pdebridge.integrators.runge_kutta import RK4
from pdebridge.networks.flow import Flow

F = Dense(3)


def controls(coefficients: int = 8) -> dict[str, Control]:
    torch.manual_seed(0)
    return {
        name: load(reference)(*((F,) if name == "constant" else (F, coefficients))).double()
        for name, reference in CONTROLS.items()
    }


@pytest.mark.parametrize("name", CONTROLS)
def test_samples_have_one_row_a_step_and_one_an_abscissa(name: str) -> None:
    control = controls()[name]
    for steps in (2, 8, 16):
        K, b = control.sample(steps, (0.0, 0.5, 1.0))
        rows = 3 if name in ("piecewise-linear", "b-spline") else 1
        assert K.shape == (steps, rows, 3, 3) and b.shape == (steps, rows, 3)


def test_constant_shares_one_weight_without_a_copy() -> None:
    control = Constant(F)
    K, _ = control.sample(5, (0.0,))
    assert K.data_ptr() == control.K.data_ptr() and K.stride(0) == 0
    K.sum().backward()
    assert (control.K.grad == 5).all()


def test_piecewise_constant_refines_and_averages() -> None:
    control = PiecewiseConstant(F, 6)
    (K, _), (fine, _), (coarse, _) = (control.sample(n, (0.0,)) for n in (6, 12, 3))
    assert torch.equal(fine[::2], K) and torch.equal(fine[1::2], K)
    torch.testing.assert_close(coarse, (K[::2] + K[1::2]) / 2)
    for bad in (4, 9, 0):
        with pytest.raises(ValueError, match=f"weights for 6 steps; {bad} is neither a multiple nor a divisor"):
            control.sample(bad, (0.0,))


@given(st.integers(2, 9), st.integers(1, 12))
def test_piecewise_linear_interpolates(n: int, steps: int) -> None:
    control = PiecewiseLinear(F, n).double()
    abscissae = (0.0, 0.3, 1.0)
    _, b = control.sample(steps, abscissae)
    with torch.no_grad():
        control.b.copy_(torch.linspace(0, 1, n, dtype=torch.float64)[:, None] * torch.tensor([1.0, -2.0, 3.0]))
    _, b = control.sample(steps, abscissae)
    t = torch.tensor([[(k + c) / steps for c in abscissae] for k in range(steps)], dtype=torch.float64)
    torch.testing.assert_close(b, t[..., None] * torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64))


@given(st.integers(1, 4), st.integers(1, 6), st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_splines_are_a_convex_combination(degree: int, more: int, times: list[float]) -> None:
    rows = design(degree + more, degree, tuple(times))
    assert (rows >= 0).all() and abs(rows.sum(1) - 1).max() < 1e-12
    assert (rows > 0).sum(1).max() <= degree + 1


def test_cubic_spline_of_four_coefficients_is_the_bernstein_polynomial() -> None:
    t = (0.0, 0.2, 0.7, 1.0)
    expected = [[math.comb(3, j) * s**j * (1 - s) ** (3 - j) for j in range(4)] for s in t]
    torch.testing.assert_close(torch.tensor(design(4, 3, t)), torch.tensor(expected, dtype=torch.float64))


def test_neighbouring_steps_agree_at_their_common_time() -> None:
    K, _ = BSpline(F, 7).sample(5, (0.0, 0.5, 1.0))
    torch.testing.assert_close(K[:-1, 2], K[1:, 0])


class Quadrature(Dynamics):
    """``u' = theta(t)``: the flow is the integral of the control."""

    structure = "explicit"

    def initial(self) -> dict[str, Tensor]:
        return {"w": torch.randn(2)}

    def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
        return theta[0].expand_as(u)


@pytest.mark.parametrize("name", [name for name in CONTROLS if name != "norm-tied"])  # which ties operators alone
def test_every_discretisation_has_the_integral_of_the_control(name: str) -> None:
    """Simpson's rule, to which RK4 reduces, is exact for splines of degree 3 between their knots."""
    torch.manual_seed(0)
    control = load(CONTROLS[name])(Quadrature(), *(() if name == "constant" else (5,))).double()
    steps = 20  # a multiple of the number of intervals of each control: 1, 5, 4 and 2
    ends = [
        Flow(Quadrature(), control, RK4(), stored, n, 2.0)(torch.zeros(1, 2, dtype=torch.float64))
        for n in (steps, 2 * steps)
    ]
    torch.testing.assert_close(ends[0], ends[1], rtol=1e-13, atol=1e-13)


def trained(name: str, step: Integrator) -> tuple[Flow, Tensor]:
    """A flow of 16 steps, fitted to a turn of the plane; its weights then vary with depth."""
    torch.manual_seed(0)
    field = Dense(4)
    control = load(CONTROLS[name])(field, *(() if name == "constant" else (8,))).double()
    net = Flow(field, control, step, stored, 16, 2.0)
    u = torch.randn(32, 4, dtype=torch.float64)
    target = u @ torch.linalg.matrix_exp(torch.tensor([[0, 1.0], [-1, 0]]).kron(torch.eye(2))).double()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    losses = []
    for _ in range(25):
        optimizer.zero_grad()
        loss = (net(u) - target).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
    return net, u


@pytest.mark.parametrize("step", [ForwardEuler(), RK4()], ids=["forward-euler", "rk4"])
@pytest.mark.parametrize("name", CONTROLS)
def test_a_trained_control_is_discretised_anew(name: str, step: Integrator) -> None:
    """Trained with 16 steps, evaluated with 4 to 256: the order is the integrator's."""
    net, u = trained(name, step)
    with torch.no_grad():
        exact = Flow(net.dynamics, net.control, RK4(), stored, 2048 if step.order == 1 else 1024, 2.0)(u)
        errors = [float((net(u, steps / 16) - exact).norm() / exact.norm()) for steps in (4, 8, 16, 32, 64, 128, 256)]
    assert all(fine < coarse for coarse, fine in pairwise(errors))
    # 7 intervals of the linear control and 5 of the cubic do not fit 2^m steps: order 2 at a kink, 4 at a jump of p'''
    order = {"piecewise-linear": min(step.order, 2)}.get(name, step.order)
    observed = math.log2(errors[-3] / errors[-1]) / 2
    assert abs(observed - order) < 0.35, errors


def test_refinement_must_be_a_whole_number_of_steps() -> None:
    net = Flow(F, Constant(F), ForwardEuler(), stored, 16, 1.0)
    with pytest.raises(ValueError, match="0.3 times 16 steps is not a whole number of steps"):
        net(torch.zeros(1, 3), 0.3)


def test_bad_controls_are_refused() -> None:
    with pytest.raises(ValueError, match="needs more than p coefficients .found p=3, 3"):
        BSpline(F, 3)
    with pytest.raises(ValueError, match="needs more than p coefficients"):
        BSpline(F, 3, degree=0)
    with pytest.raises(ValueError, match="at least one coefficient in depth, not 0"):
        PiecewiseConstant(F, 0)


def control_of(values):
    """A control whose weights ``b`` are given, one number a step."""
    control = PiecewiseConstant(Dense(1), len(values))
    control.b.data = values[:, None]
    return control


@pytest.mark.parametrize(("coarse", "fine"), [(2, 4), (5, 10), (4, 12), (3, 3)])
def test_prolongation_is_exact_for_weights_linear_in_time(coarse, fine):
    def linear(n):
        return 3 - 2 * (torch.arange(n, dtype=torch.float64) + 0.5) / n

    control = control_of(linear(coarse))
    control.prolong(fine)
    torch.testing.assert_close(control.b[:, 0], linear(fine), rtol=1e-14, atol=1e-14)
    assert isinstance(control.b, torch.nn.Parameter)
    assert control.K.shape == (fine, 1, 1)


def test_one_weight_is_prolonged_to_a_constant():
    control = control_of(torch.tensor([2.0]))
    control.prolong(4)
    assert control.b.flatten().tolist() == [2.0] * 4
