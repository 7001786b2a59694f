"""Published networks have the published numbers of parameters."""

import pytest
import torch
from torch import nn

from pdebridge.dynamics.base import Dynamics
from pdebridge.dynamics.control import Constant
from pdebridge.gradients.stored import stored
from pdebridge.integrators.euler import ForwardEuler
from pdebridge.networks.anode import resnet18, squeezenext
from pdebridge.networks.flow import Flow
from pdebridge.networks.odenet import odenet, resnet


def flow(F: Dynamics) -> Flow:
    return Flow(F, Constant(F), ForwardEuler(), stored, 2, 1.0)


def parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(
    ("net", "count"),
    [
        (lambda: odenet(flow, "conv"), 208_266),
        (lambda: odenet(flow, "res"), 232_970),
        (lambda: resnet(6, "conv"), 576_778),
        (lambda: resnet(6, "res"), 601_482),
        (lambda: odenet(flow).flow, 75_392),
        (lambda: resnet(1).flow, 73_984),
    ],
)
def test_mnist(net, count: int) -> None:
    assert parameters(net()) == count


@pytest.mark.parametrize(
    ("build", "count", "in_flows"), [(resnet18, 11_173_962, 6_270_720), (squeezenext, 461_466, 199_800)]
)
def test_cifar(build, count: int, in_flows: int) -> None:
    net = build(flow)
    assert parameters(net) == count
    assert sum(parameters(block) for block in net if isinstance(block, Flow)) == in_flows


@pytest.mark.parametrize("stem", ["conv", "res"])
def test_mnist_logits_and_features(stem: str) -> None:
    net, y = odenet(flow, stem), torch.randn(2, 1, 28, 28)
    assert net.stem(y).shape == (2, 64, *((6, 6) if stem == "conv" else (7, 7)))
    assert net(y).shape == (2, 10)
    net(y).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


def test_cifar_logits() -> None:
    for build in (resnet18, squeezenext):
        net = build(flow)
        net(torch.randn(2, 3, 32, 32)).square().sum().backward()
        assert all(p.grad.abs().max() > 0 for block in net if isinstance(block, Flow) for p in block.parameters())


def test_a_residual_network_is_euler_with_unit_steps() -> None:
    net, u = resnet(3).flow, torch.randn(2, 64, 4, 4)
    assert net.h == 1
    states = net.trajectory(u)
    assert len(states) == 4 and torch.equal(states[0], u)
