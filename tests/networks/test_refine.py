"""A flow of twice the steps: the same time, and features that differ by the error of the integrator."""

import math

import pytest
import torch

from pdebridge.dynamics.control import Constant, PiecewiseConstant
from pdebridge.dynamics.dense import Dense
from pdebridge.gradients.stored import stored
from pdebridge.integrators.euler import ForwardEuler
from pdebridge.integrators.runge_kutta import RK4
from pdebridge.networks.flow import Flow

WIDTH, TIME = 3, 2.0


def smooth(steps):
    """``theta(t) = A cos(pi t / T) + B`` at the middles of the steps."""
    t = (torch.arange(steps) + 0.5) / steps
    shapes = {"K": (WIDTH, WIDTH), "b": (WIDTH,)}
    generator = torch.Generator().manual_seed(1)
    for name, shape in shapes.items():
        A, B = torch.randn(2, *shape, generator=generator, dtype=torch.float64)
        yield name, torch.cos(math.pi * t).view(-1, *(1,) * len(shape)) * A + B


def flow(steps, integrator):
    F = Dense(WIDTH)
    made = Flow(F, PiecewiseConstant(F, steps).double(), integrator, stored, steps, TIME)
    for name, w in smooth(steps):
        getattr(made.control, name).data = w.double()
    return made


@pytest.mark.parametrize(("integrator", "order"), [(ForwardEuler(), 1), (RK4(), 2)])
def test_features_change_by_the_order_of_the_steps(integrator, order):
    """RK4 sees the weights as constant in a step: the midpoint rule for them, of order two."""
    u = torch.randn(5, WIDTH, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    changes = []
    for steps in (32, 64, 128):
        net = flow(steps, integrator)
        before = net(u)
        net.refine(2 * steps)
        assert net.steps == 2 * steps
        assert net.h * net.steps == pytest.approx(TIME)
        changes.append(float((net(u) - before).norm()))
    assert math.log2(changes[0] / changes[1]) == pytest.approx(order, abs=0.15)
    assert math.log2(changes[1] / changes[2]) == pytest.approx(order, abs=0.1)


def test_other_controls_are_refused():
    F = Dense(WIDTH)
    with pytest.raises(ValueError, match="only a piecewise constant control is prolonged, not Constant"):
        Flow(F, Constant(F), ForwardEuler(), stored, 2, TIME).refine(4)
