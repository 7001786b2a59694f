"""The fields of neural ODEs against the same layers from ``torch.nn``."""

import pytest
import torch
from torch import nn

from pdebridge.dynamics.activation import ACTIVATIONS, activation_named
from pdebridge.dynamics.base import Dynamics, Instant
from pdebridge.dynamics.perceptron import Perceptron
from pdebridge.dynamics.post_activation import PostActivation
from pdebridge.dynamics.time_convolution import TimeConvolution

AT = Instant(3, 0.5, 0.2)  # t = 0.7


@pytest.mark.parametrize("time", [True, False])
def test_perceptron_is_the_sequential_network(time: bool) -> None:
    torch.manual_seed(0)
    F = Perceptron(5, hidden=7, time=time)
    theta = F.initial()
    net = nn.Sequential(nn.Linear(5 + time, 7), nn.Tanh(), nn.Linear(7, 7), nn.Tanh(), nn.Linear(7, 5))
    with torch.no_grad():
        for i, layer in enumerate(net[::2], 1):
            W = theta[f"W{i}"]
            layer.weight.copy_(torch.cat([theta["v"][:, None], W], dim=1) if time and i == 1 else W)
            layer.bias.copy_(theta[f"b{i}"])
    u = torch.randn(4, 5)
    inputs = torch.cat([torch.full((4, 1), 0.7), u], dim=1) if time else u
    torch.testing.assert_close(F(u, list(theta.values()), AT), net(inputs))
    assert sum(w.numel() for w in theta.values()) == sum(p.numel() for p in net.parameters())


def test_time_is_a_channel() -> None:
    """Zero padding makes the time channel weaker at the border, as joined channels do."""
    torch.manual_seed(0)
    F = TimeConvolution(8)
    theta = F.initial()
    with torch.no_grad():
        for name in theta:
            theta[name] += 0.3 * torch.randn_like(theta[name])
    convs = [nn.Conv2d(9, 8, 3, padding=1) for _ in range(2)]
    norms = [nn.GroupNorm(8, 8) for _ in range(3)]
    with torch.no_grad():
        for i, conv in enumerate(convs, 1):
            conv.weight.copy_(torch.cat([theta[f"v{i}"], theta[f"K{i}"]], dim=1))
            conv.bias.copy_(theta[f"b{i}"])
        for i, norm in enumerate(norms):
            norm.weight.copy_(theta[f"s_{i}"])
            norm.bias.copy_(theta[f"b_{i}"])
    u = torch.randn(2, 8, 5, 4)
    z = u
    for norm, conv in zip(norms, convs, strict=False):
        z = torch.relu(norm(z))
        z = conv(torch.cat([torch.full_like(z[:, :1], 0.7), z], dim=1))
    torch.testing.assert_close(F(u, list(theta.values()), AT), norms[2](z))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_may_overwrite_their_argument(name: str) -> None:
    """With an absolute error of the rounding of 1, and values that are not finite where they belong."""
    sigma = activation_named(name)
    for u in (torch.linspace(-9, 9, 1001), torch.tensor([-torch.inf, -1e4, -1e-6, 0.0, 1e4, torch.inf, torch.nan])):
        exact, place = sigma(u.double()), u.clone()
        found = sigma.overwrite(place)
        assert found.data_ptr() == place.data_ptr()
        torch.testing.assert_close(found.double(), exact, rtol=0, atol=2.5e-7, equal_nan=True)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_that_consume_their_argument_round_alike(name: str) -> None:
    sigma = activation_named(name)
    u = torch.linspace(-9, 9, 1001)
    with torch.no_grad():
        assert torch.equal(sigma.consume(u.clone()), sigma(u))
    kept = u.clone().requires_grad_()
    sigma.consume(kept).sum().backward()
    assert torch.equal(kept.detach(), u) and kept.grad is not None


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("wanted", [True, False])
def test_closed_form_of_the_time_convolution_is_autograd(layout: torch.memory_format, wanted: bool) -> None:
    torch.manual_seed(0)
    F = TimeConvolution(8)
    theta = [w.double() + 0.3 * torch.randn_like(w, dtype=torch.float64) for w in F.initial().values()]
    u = torch.randn(3, 8, 5, 4, dtype=torch.float64).contiguous(memory_format=layout)
    found = []
    for linearise in (Dynamics.recorded, TimeConvolution.closed_form):
        sums = [torch.zeros_like(w) if wanted else None for w in theta]
        v, g = u.clone(), torch.ones_like(u).addcmul_(u, u)
        f, transpose = linearise(F, v, theta, AT)
        pulled = transpose(g, sums, -0.3)
        torch.testing.assert_close(v, u, rtol=0, atol=0)  # the arguments are the caller's
        torch.testing.assert_close(g, torch.ones_like(u).addcmul_(u, u), rtol=0, atol=0)
        found.append([f, pulled, *(total for total in sums if total is not None)])
    for by_autograd, closed in zip(*found, strict=True):
        torch.testing.assert_close(closed, by_autograd, rtol=1e-11, atol=1e-11)


def test_residual_block_of_anode() -> None:
    torch.manual_seed(0)
    F = PostActivation(4, steps=4)
    theta, u = F.initial(), torch.randn(3, 4, 5, 5)
    net = nn.Sequential(*(m for _ in range(2) for m in (nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4))))
    with torch.no_grad():
        net[0].weight.copy_(theta["K_0"])
        net[2].weight.copy_(theta["K_1"])
        expected = torch.relu(net[3](net[2](torch.relu(net[1](net[0](u))))))
    found = F(u, list(theta.values()), AT)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)  # eps is 1e-4, not 1e-5
    assert (found >= 0).all()


def test_squeezenext_kernels() -> None:
    shapes = [tuple(w.shape) for name, w in PostActivation(16, "squeezenext", "none").initial().items() if "K" in name]
    assert shapes == [(8, 16, 1, 1), (4, 8, 1, 1), (8, 4, 1, 3), (8, 8, 3, 1), (16, 8, 1, 1)]


def test_bad_fields_are_refused() -> None:
    with pytest.raises(ValueError, match="hidden layers with neurons .found 0 layers of 64"):
        Perceptron(3, layers=0)
    with pytest.raises(ValueError, match="odd kernel, not 4"):
        TimeConvolution(8, kernel=4)
    with pytest.raises(ValueError, match="multiple of 4 channels, not 6"):
        PostActivation(6, "squeezenext", "none")
    with pytest.raises(ValueError, match="40 channels do not divide into 32 groups"):
        TimeConvolution(40)
    with pytest.raises(ValueError, match="unknown block 'residul'; did you mean 'residual'"):
        PostActivation(8, "residul", "none")
