"""Multigrid in time meets the serial loop: exactly after N / (2m) cycles, quickly before."""

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from families import FAMILIES, control, dynamics, features, identifier, integrators
from pdebridge.dynamics.base import Dynamics
from pdebridge.dynamics.control import PiecewiseConstant
from pdebridge.dynamics.dense import Dense
from pdebridge.gradients.layer_parallel import LayerParallel
from pdebridge.gradients.stored import stored
from pdebridge.integrators.base import Integrator
from pdebridge.integrators.dormand_prince import DormandPrince
from pdebridge.integrators.euler import ForwardEuler
from pdebridge.integrators.midpoint import Midpoint
from pdebridge.networks.flow import Flow, Gradient

POINTS = [
    (name, step)
    for name, (_, options) in FAMILIES.items()
    if options.get("normalisation") != "batch"
    for step in integrators(dynamics(name, 2))
    if not isinstance(step, Midpoint)
]


def value_and_gradients(net: Flow, u: Tensor) -> list[Tensor]:
    u = u.detach().requires_grad_()
    end = net(u)
    weight = torch.linspace(-1.0, 2.0, end.numel(), dtype=end.dtype).view_as(end)
    return [end.detach(), *torch.autograd.grad((weight * end).sum(), (u, *net.parameters()))]


def error(found: Tensor, exact: Tensor) -> float:
    return float(((found - exact).norm() / exact.norm()).detach())


def smooth(steps: int, time: float = 5.0, width: int = 8, **options: object) -> tuple[Flow, Tensor]:
    """A tanh network whose weights are the first waves of a random Fourier series in depth, and 200 samples."""
    torch.manual_seed(0)
    F = Dense(width).double()
    weights = PiecewiseConstant(F, steps).double()
    t = torch.linspace(0, 1, steps, dtype=torch.float64)
    for w in weights.parameters():
        waves = [torch.cos(math.pi * k * t).view(-1, *(1,) * (w.ndim - 1)) / (1 + k) for k in range(4)]
        w.data = sum(wave * torch.randn_like(w[0]) for wave in waves) / math.sqrt(width)  # type: ignore[assignment]
    mode: Gradient = LayerParallel(**options) if options else stored  # type: ignore[arg-type]
    return Flow(F, weights, ForwardEuler(), mode, steps, time), torch.randn(200, width, dtype=torch.float64)


@pytest.mark.parametrize(("name", "step"), POINTS, ids=identifier)
def test_every_family_has_the_gradient_of_the_serial_loop(name: str, step: Integrator) -> None:
    F, u = dynamics(name, 8), features(name)
    weights = control(F, 8)
    mode = LayerParallel(cycles=4, factor=2, coarsest=4)
    found = value_and_gradients(Flow(F, weights, step, mode, 8, 0.4), u)
    exact = value_and_gradients(Flow(F, weights, step, stored, 8, 0.4), u)
    for a, b in zip(found, exact, strict=True):
        assert (a - b).norm() < 1e-9 * max(1.0, float(b.norm()))


@pytest.mark.parametrize(("relaxations", "cycles"), [(0, 8), (1, 4), (3, 2)])
def test_two_levels_are_exact_after_a_cycle_for_every_nu_and_one_intervals(relaxations: int, cycles: int) -> None:
    serial, u = smooth(32)
    exact = serial(u)
    before, after = (
        error(smooth(32, cycles=k, coarsest=8, relaxations=relaxations, bound=math.inf)[0](u), exact)
        for k in (cycles - 1, cycles)
    )
    assert before > 1e-10
    assert after < 1e-14


@pytest.mark.parametrize("steps", [64, 256])
def test_the_error_falls_by_a_factor_that_does_not_depend_on_depth(steps: int) -> None:
    serial, u = smooth(steps)
    errors = [error(smooth(steps, cycles=k)[0](u), serial(u)) for k in (1, 2, 3, 4)]
    assert all(after < 0.12 * before for before, after in pairwise(errors))
    assert errors[3] < 2e-5


def test_a_nested_start_is_as_near_as_the_coarse_equation() -> None:
    serial, u = smooth(256)
    exact = serial(u)
    near, nearer = (error(smooth(256, cycles=1, factor=m, nested=True)[0](u), exact) for m in (4, 2))
    assert near < error(smooth(256, cycles=1, factor=4)[0](u), exact) / 10
    assert nearer < 0.5 * near


@pytest.mark.parametrize(
    "options", [{"factor": 2}, {"relaxations": (0, 1)}, {"factor": (16, 2)}, {"cycle": "F"}, {"nested": True}]
)
def test_the_adjoint_is_that_of_autograd_after_eight_cycles(options: dict[str, object]) -> None:
    serial, u = smooth(64)
    exact = value_and_gradients(serial, u)
    found = value_and_gradients(smooth(64, cycles=8, **options)[0], u)
    assert max(error(a, b) for a, b in zip(found, exact, strict=True)) < 1e-9


def test_the_serial_solution_is_a_fixed_point_and_a_warm_start_keeps_it() -> None:
    net, u = smooth(64, cycles=8, warm=True)
    net(u.requires_grad_())
    mode = net.gradient
    assert isinstance(mode, LayerParallel)
    mode.cycles["states"] = 1
    again = net(u)
    assert float(mode.residuals["states"] or 1) < 1e-13
    assert error(again, smooth(64)[0](u)) < 1e-12


def test_a_tolerance_ends_the_cycles_early() -> None:
    loose, tight = (smooth(64, cycles=9, tolerance=t)[0] for t in (1e-2, 1e-12))
    u = smooth(64)[1].requires_grad_()
    loose(u), tight(u)
    residuals = [float(net.gradient.residuals["states"]) for net in (loose, tight)]  # type: ignore[union-attr]
    assert 1e-12 < residuals[0] <= 1e-2
    assert residuals[1] <= 1e-12


def test_shared_weights_get_one_gradient() -> None:
    from pdebridge.dynamics.control import Constant

    torch.manual_seed(0)
    F = Dense(4).double()
    theta, u = Constant(F).double(), torch.randn(5, 4, dtype=torch.float64)
    modes: list[Gradient] = [LayerParallel(cycles=4, factor=2), stored]
    found, exact = (value_and_gradients(Flow(F, theta, ForwardEuler(), mode, 16, 1.0), u) for mode in modes)
    for a, b in zip(found, exact, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("step", [Midpoint(), DormandPrince()])
def test_methods_with_more_than_one_step_are_refused(step: Integrator) -> None:
    F: Dynamics = Dense(4)
    with pytest.raises(ValueError, match="one-step method of fixed steps"):
        Flow(F, PiecewiseConstant(F, 8), step, LayerParallel(), 8, 1.0)


def test_batch_statistics_and_depths_that_do_not_divide_are_refused() -> None:
    F = dynamics("conv parabolic, batch", 8)
    with pytest.raises(ValueError, match="several times"):
        Flow(F, control(F, 8), ForwardEuler(), LayerParallel(), 8, 1.0)
    F = dynamics("conv parabolic", 8)
    F.users_own = torch.nn.BatchNorm2d(4)
    with pytest.raises(ValueError, match="several times"):
        Flow(F, control(F, 8), ForwardEuler(), LayerParallel(), 8, 1.0)
    with pytest.raises(ValueError, match="N must be a multiple of 4"):
        smooth(10, cycles=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"factor": 1}, "factor >= 2, on every level \\(found 1\\)"),
        ({"factor": (4, 1)}, "factor >= 2"),
        ({"factor": ()}, "factor >= 2"),
        ({"relaxations": (0, -1)}, "relaxations >= 0"),
        ({"coarsest": 0}, "coarsest >= 1"),
        ({"cycles": 0}, "one cycle or more"),
        ({"cycle": "W"}, "V or F"),
    ],
)
def test_options_out_of_their_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LayerParallel(**options)
