"""Dense prediction: the hyperbolic network on every grid, its gradient, its spacing, and the U-Net's count."""

import pytest
import torch

from pdebridge.dynamics.operator import Convolution
from pdebridge.dynamics.spaced import SpacedConvolution, change
from pdebridge.networks.hyperbolic import FullyHyperbolic
from pdebridge.networks.point import mode_named
from pdebridge.networks.unet import UNet

UNITS = ((0, "down"), (1, "down"), (2, "up"), (1, ""))


def hyperbolic(dimension, gradient="stored"):
    torch.manual_seed(0)
    mode = mode_named(gradient)
    options = {"dimension": dimension, "dense": True, "extra": 1, "spaced": True, "gradient": mode, "h": 0.5}
    return FullyHyperbolic(1, 3, UNITS, **options).double()


@pytest.mark.parametrize("dimension", [2, 3])
def test_reversible_gradient_is_the_stored_one_at_every_spacing(dimension):
    x = torch.randn(1, 1, *(8, 4, 8)[:dimension], dtype=torch.float64)
    ratios = (1.4, 0.8, 1.1)[:dimension]
    found = []
    for gradient in ("stored", "reversible"):
        net = hyperbolic(dimension, gradient)
        net.at_spacing(ratios)
        values = net(x)
        assert values.shape == (1, 3, *x.shape[2:])
        values.square().sum().backward()
        found.append([p.grad for p in net.parameters()])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("dimension", [2, 3])
def test_features_are_a_bijection(dimension):
    net, x = hyperbolic(dimension), torch.randn(2, 1, *(8, 4, 8)[:dimension], dtype=torch.float64)
    back = net.inverse(net.features(x))
    torch.testing.assert_close(back[:, :1], x)
    assert back[:, 1:].abs().max() < 1e-10


def test_grey_levels_are_centred_and_spread():
    options = {"dimension": 2, "dense": True, "extra": 1, "h": 0.5, "distribution": "truncated"}
    net, x = FullyHyperbolic(1, 3, UNITS, middle=0.5, gain=4.0, **options).double(), torch.rand(1, 1, 8, 8).double()
    plain = FullyHyperbolic(1, 3, UNITS, **options).double()
    plain.load_state_dict(net.state_dict())
    torch.testing.assert_close(net(x), plain(4 * (x - 0.5)))
    torch.testing.assert_close(net.inverse(net.features(x))[:, :1], 4 * (x - 0.5))


def test_stencils_follow_the_spacing():
    """The operator of u_xx + u_yy on a parabola is its second derivatives, on whatever grid."""
    op = SpacedConvolution(1, 2)
    K = torch.zeros(op.shape, dtype=torch.float64)
    K[0, 0, :, 1] += torch.tensor([1.0, -2, 1])
    K[0, 0, 1, :] += torch.tensor([1.0, -2, 1])
    for h in ((1.0, 1.0), (0.5, 2.0), (3.0, 0.7)):
        op.ratios = h
        y, x = torch.arange(7.0, dtype=torch.float64)[:, None] * h[0], torch.arange(7.0, dtype=torch.float64) * h[1]
        u = 3 * y**2 + 5 * x**2 + y * x
        torch.testing.assert_close(op(K, u[None, None])[..., 1:-1, 1:-1], torch.full((1, 1, 5, 5), 16.0).double())


def test_spacing_one_is_a_convolution_and_changes_compose():
    op, K, u = SpacedConvolution(3, 3), torch.randn(3, 3, 3, 3, 3), torch.randn(1, 3, 4, 5, 6)
    assert torch.equal(op(K, u), Convolution(3, 3)(K, u))
    torch.testing.assert_close(change(2.0) @ change(0.7), change(1.4))


def test_adjoint_and_gradient_of_a_spaced_convolution():
    op = SpacedConvolution(2, 3)
    op.ratios = (1.5, 0.9, 1.0)
    K, (u, v) = torch.randn(op.shape, dtype=torch.float64), torch.randn(2, 1, 2, 4, 3, 5, dtype=torch.float64)
    torch.testing.assert_close((op(K, u) * v).sum(), (u * op.transpose(K, v)).sum())
    torch.testing.assert_close(op(op.transposed(K), u), op.transpose(K, u))
    K.requires_grad_()
    (expected,) = torch.autograd.grad((op(K, u) * v).sum(), K)
    torch.testing.assert_close(op.pull_weight(K.detach(), u, v), expected)
    dense = torch.stack([op(K.detach(), e.view(1, 2, 4, 3, 5)).flatten() for e in torch.eye(120).double()])
    assert float(torch.linalg.matrix_norm(dense, 2)) <= op.norm(K.detach(), (4, 3, 5))


def test_units_beyond_the_image_are_refused():
    with pytest.raises(ValueError, match="finer than the image"):
        FullyHyperbolic(1, 2, ((1, "up"),), dense=True)


@pytest.mark.parametrize(("dimension", "widths"), [(2, (4, 6, 10)), (3, (4, 8))])
def test_the_unets_count_is_its_formula(dimension, widths):
    net, taps, classes = UNet(1, 3, widths, dimension), 3**dimension, 3
    pairs = list(zip((1, *widths), widths, strict=False))
    kernels = sum(a * b + b * b for a, b in pairs) + sum((a + b) * a + a * a for a, b in pairs[1:])
    norms = 4 * sum(widths) + 4 * sum(widths[:-1])
    count = taps * kernels + norms + classes * (widths[0] + 1)
    assert sum(p.numel() for p in net.parameters()) == count
    assert net(torch.randn(1, 1, *(8,) * dimension)).shape == (1, 3, *(8,) * dimension)
