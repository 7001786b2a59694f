"""The NFE of a network are those that its right-hand sides have counted."""

import pytest
import torch

from pdebridge.dynamics.control import Constant
from pdebridge.gradients.frozen_steps import FrozenSteps
from pdebridge.gradients.reverse_time import ReverseTime
from pdebridge.gradients.stored import stored
from pdebridge.integrators.base import Integrator
from pdebridge.integrators.dormand_prince import DormandPrince
from pdebridge.integrators.euler import ForwardEuler
from pdebridge.integrators.runge_kutta import RK4, ExplicitMidpoint
from pdebridge.networks.evaluations import evaluations
from pdebridge.networks.flow import Flow, Gradient
from pdebridge.studies.gradient_cost import Counted


def net(integrator: Integrator, mode: Gradient, steps: int = 1) -> tuple[Counted, Flow]:
    torch.manual_seed(0)
    F = Counted(8)
    return F, Flow(F, Constant(F), integrator, mode, steps, 3.0)


@pytest.mark.parametrize("mode", [FrozenSteps(), ReverseTime()], ids=lambda m: type(m).__name__)
def test_adaptive_flows_count_both_passes_and_forget(mode: Gradient) -> None:
    F, flow = net(DormandPrince(1e-6), mode)
    u = torch.randn(4, 8)
    end = flow(u)
    forward = F.evaluations
    end.sum().backward()
    found = evaluations([flow])
    assert found["nfe/forward"] == forward > 10
    assert found["nfe/backward"] == F.evaluations - forward > 10
    assert evaluations([flow]) == {"nfe/forward": 0.0, "nfe/rejected": 0.0, "nfe/backward": 0.0}


@pytest.mark.parametrize("scheme", [ForwardEuler, ExplicitMidpoint, RK4])
def test_fixed_steps_are_their_stages(scheme: type[Integrator]) -> None:
    F, flow = net(scheme(), stored, 5)
    flow(torch.randn(4, 8))
    assert evaluations([flow]) == {"nfe/forward": F.evaluations}


def test_a_network_without_flows_has_none() -> None:
    assert evaluations([]) == {}
