import pytest
import torch
from torch import nn

from pdebridge.dynamics.control import PiecewiseConstant
from pdebridge.dynamics.dense import Dense
from pdebridge.gradients.stored import stored
from pdebridge.integrators.euler import ForwardEuler
from pdebridge.networks.flow import Flow
from pdebridge.networks.published import build
from pdebridge.networks.regularisation import decay_groups, project, smoothness, total_variation


def block(steps: int, time: float) -> Flow:
    """``theta(t) = t`` for every weight: its derivative is one."""
    F = Dense(2)
    flow = Flow(F, PiecewiseConstant(F, steps), ForwardEuler(), stored, steps, time)
    with torch.no_grad():
        for w in flow.control.parameters():
            w.copy_(torch.arange(steps).view(-1, *(1,) * (w.ndim - 1)) * flow.h)
    return flow


def test_penalties_are_integrals_in_time() -> None:
    """6 weights a layer with derivative 1 over ``T - h``."""
    flow = block(100, 5.0)
    torch.testing.assert_close(smoothness(flow).item(), 0.5 * 6 * 4.95, rtol=1e-4, atol=0)
    torch.testing.assert_close(total_variation(flow).item(), 6 * 4.95 * (1 + 1e-3) ** 0.5, rtol=1e-4, atol=0)
    torch.testing.assert_close(smoothness(nn.Sequential(flow, flow)).item(), 0.5 * 6 * 4.95, rtol=1e-4, atol=0)


def test_total_variation_counts_a_jump_by_its_height_alone() -> None:
    flow = block(10, 1.0)
    with torch.no_grad():
        for w in flow.control.parameters():
            w.copy_((w > 0.45).to(w))
    torch.testing.assert_close(total_variation(flow, tau=1e-12).item(), 6.0, rtol=1e-4, atol=0)
    with pytest.raises(ValueError, match="nothing to smooth"):
        smoothness(block(1, 1.0))


def test_affine_weights_of_normalisations_do_not_decay() -> None:
    net = build("jmiv-parabolic-cifar10")
    decayed, exempt = decay_groups(net)
    assert len(decayed) + len(exempt) == len(list(net.parameters()))
    affine = 64 + 3 * 2 * (32 + 64 + 112) + 2 * (64 + 112 + 112)
    assert sum(p.numel() for p in exempt) == affine
    assert any(p is net.classifier.bias for p in decayed)
    assert decay_groups(block(2, 1.0))[1] == []  # biases of a dense flow decay


def test_projection_onto_the_box() -> None:
    net = build("jmiv-parabolic-cifar10")
    before = [p.detach().clone() for p in net.parameters()]
    project(net.parameters(), 0.05)
    for p, old in zip(net.parameters(), before, strict=True):
        assert p.requires_grad
        assert p.abs().max() <= 0.05 + 1e-7
        small = old.abs() <= 0.05
        assert torch.equal(p[small], old[small])
    with pytest.raises(ValueError, match="positive bound"):
        project(net.parameters(), 0.0)
