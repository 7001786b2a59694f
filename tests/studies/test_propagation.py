"""Numbers of a network that turns the plane, by hand; and the figures of a trained one."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pdebridge.dynamics.control import PiecewiseConstant
from pdebridge.dynamics.dense import Dense
from pdebridge.gradients.stored import stored
from pdebridge.integrators.euler import ForwardEuler
from pdebridge.networks.classifier import FlowClassifier
from pdebridge.networks.flow import Flow
from pdebridge.networks.opening import OPENINGS
from pdebridge.paper import figure1, instability
from pdebridge.studies.propagation import REFINEMENT, deviation, propagation

STEPS, H, OMEGA = 5, 0.4, 1.5


def turned() -> FlowClassifier:
    """``u' = omega J u`` by forward Euler, then the side of a line through 0."""
    F = Dense(2, activation="identity")
    flow = Flow(F, PiecewiseConstant(F, STEPS), ForwardEuler(), stored, STEPS, STEPS * H)
    net = FlowClassifier(OPENINGS["pad"](2, 2), flow, 2, 2).double()
    with torch.no_grad():
        flow.control.K.copy_(torch.tensor([[0.0, -OMEGA], [OMEGA, 0.0]]))
        flow.control.b.zero_()
        net.classifier.weight.copy_(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
        net.classifier.bias.zero_()
    return net


def test_the_numbers_of_a_rotation_are_those_of_complex_factors():
    y = torch.randn(40, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    network, exact = (1 + 1j * H * OMEGA) ** STEPS, (1 + 1j * H * OMEGA / REFINEMENT) ** (STEPS * REFINEMENT)
    image = torch.view_as_complex(y) * network
    c = (image.real < 0).long()
    found = deviation(SimpleNamespace(net=turned(), data={"val": (y, c)}, classes=2))
    side = (torch.view_as_complex(y) * exact).real < 0
    assert found == {
        "net/accuracy": 100.0,
        "ode/deviation": pytest.approx(100 * abs(network - exact) / abs(exact)),
        "ode/accuracy": pytest.approx(100 * float((side.long() == c).double().mean())),
        "sensitivity": pytest.approx(math.hypot(1, H * OMEGA) ** STEPS),
    }
    assert found["ode/accuracy"] < 100


def test_the_figures_of_a_trained_network(trained, tmp_path):
    result = propagation([trained("figure1/T5"), trained("figure1/T20")])
    assert {m.cell for m in result.measurements} == {"T5", "T20"}
    for figure in (figure1, instability):
        figure.draw(result.arrays, tmp_path / "figure")
        assert (tmp_path / "figure.png").stat().st_size > 20_000
    u = result.arrays["T5/features"]
    assert np.isfinite(u).all()
