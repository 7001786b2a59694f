"""Published networks have the published numbers of parameters."""

import pytest
import torch
from torch import nn

from pdebridge.gradients.checkpointed import Checkpointed
from pdebridge.networks.anode import resnet18, squeezenext
from pdebridge.networks.flow import Flow
from pdebridge.networks.odenet import odenet, resnet
from pdebridge.networks.point import mode_named
from pdebridge.networks.published import build as published


def parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(
    ("net", "count"),
    [
        (lambda: odenet("conv"), 208_266),
        (lambda: odenet("res"), 232_970),
        (lambda: resnet(6, "conv"), 576_778),
        (lambda: resnet(6, "res"), 601_482),
        (lambda: odenet().flow, 75_392),
        (lambda: resnet(1).flow, 73_984),
    ],
)
def test_mnist(net, count: int) -> None:
    assert parameters(net()) == count


@pytest.mark.parametrize(
    ("build", "count", "in_flows"), [(resnet18, 11_173_962, 6_270_720), (squeezenext, 461_466, 199_800)]
)
def test_cifar(build, count: int, in_flows: int) -> None:
    net = build()
    assert parameters(net) == count
    assert sum(parameters(block) for block in net if isinstance(block, Flow)) == in_flows


@pytest.mark.parametrize("stem", ["conv", "res"])
def test_mnist_logits_and_features(stem: str) -> None:
    net, y = odenet(stem, "forward-euler", steps=2), torch.randn(2, 1, 28, 28)
    assert net.stem(y).shape == (2, 64, *((6, 6) if stem == "conv" else (7, 7)))
    assert net(y).shape == (2, 10)
    net(y).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


def test_cifar_logits() -> None:
    for build in (resnet18, squeezenext):
        net = build(gradient=mode_named("checkpointed", {"every": "block"}))
        blocks = [block for block in net if isinstance(block, Flow)]
        assert len({id(block.gradient) for block in blocks}) == 4
        assert all(isinstance(block.gradient, Checkpointed) and block.gradient.every == "block" for block in blocks)
        net(torch.randn(2, 3, 32, 32)).square().sum().backward()
        assert all(p.grad.abs().max() > 0 for block in blocks for p in block.parameters())


def test_a_residual_network_is_euler_with_unit_steps() -> None:
    net, u = resnet(3).flow, torch.randn(2, 64, 4, 4)
    assert net.h == 1
    states = net.trajectory(u)
    assert len(states) == 4 and torch.equal(states[0], u)


def test_ode_net_and_rk_net_differ_in_the_gradient_alone() -> None:
    y, found = torch.randn(2, 1, 28, 28, dtype=torch.float64), []
    for name, gradient in (("odenet-mnist-conv", "adjoint"), ("rknet-mnist-conv", "replay")):
        torch.manual_seed(0)
        net = published(name, gradient=gradient, integrator_options={"rtol": 1e-6}).double()
        out = net(y)
        out.square().mean().backward()
        found.append((out.detach(), torch.cat([p.grad.flatten() for p in net.flow.parameters()])))
    (out, adjoint), (same, exact) = found
    assert torch.equal(out, same)
    assert 1e-9 < (adjoint - exact).norm() / exact.norm() < 0.05


def test_an_adjoint_through_batch_statistics_is_refused() -> None:
    with pytest.raises(ValueError, match="other batch statistics"):
        published("anode-resnet18-cifar10", gradient="adjoint")
    published("anode-resnet18-cifar10", gradient="adjoint", normalisation="group")
