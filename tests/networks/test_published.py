"""Published networks: exact counts, one training step each, the same gradient from every mode."""

import re
import subprocess
import sys

import pytest
import torch
from torch import nn

from pdebridge.dynamics.parabolic import Parabolic
from pdebridge.networks.flow import Flow
from pdebridge.networks.published import PUBLISHED, build

SIZE = {
    "convex-potential": (2, 1, 8, 8),
    "higham-2-2-3-2": (2, 2),
    "hyperbolic-3d": (2, 1, 4, 4, 4),
    "imexnet": (2, 1, 8, 8),
    "mlp-mnist-300": (2, 784),
    "unet-2d": (2, 1, 8, 8),
    "unet-3d": (2, 1, 8, 8, 8),
}
COUNTS = {
    "jmiv-parabolic-stl10": 618_554,
    "jmiv-hamiltonian-stl10": 324_794,
    "jmiv-second-order-stl10": 618_554,
    "jmiv-parabolic-stl10-n5": 1_011_194,
    "jmiv-hamiltonian-stl10-n5": 521_594,
    "jmiv-parabolic-cifar10": 502_570,
    "jmiv-hamiltonian-cifar10": 264_106,
    "jmiv-second-order-cifar10": 502_570,
    "jmiv-parabolic-cifar100": 652_484,
    "jmiv-hamiltonian-cifar100": 362_180,
    "jmiv-second-order-cifar100": 652_484,
    "aaai-hamiltonian-38-cifar10": 191_050,
    "aaai-hamiltonian-38-cifar100": 201_220,
    "aaai-hamiltonian-74-cifar10": 432_010,
    "aaai-hamiltonian-74-cifar100": 442_180,
    "aaai-hamiltonian-110-cifar10": 811_914,
    "aaai-hamiltonian-110-cifar100": 823_524,
    "aaai-hamiltonian-218-cifar10": 1_690_890,
    "aaai-hamiltonian-218-cifar100": 1_702_500,
    "aaai-hamiltonian-1202-cifar10": 9_699_338,
    "aaai-hamiltonian-1202-cifar100": 9_710_948,
    "aaai-hamiltonian-50w-cifar10": 1_283_082,
    "aaai-hamiltonian-50w-cifar100": 1_306_212,
    "resnet-32-cifar10": 464_154,
    "revnet-38-cifar10": 464_890,
    "odenet-mnist-conv": 208_266,
    "odenet-mnist-res": 232_970,
    "rknet-mnist-conv": 208_266,
    "rknet-mnist-res": 232_970,
    "resnet-mnist-conv": 576_778,
    "resnet-mnist-res": 601_482,
    "resnet-1-mnist-conv": 206_858,
    "resnet-1-mnist-res": 231_562,
    "mlp-mnist-300": 238_510,
    "anode-resnet18-cifar10": 11_173_962,
    "anode-squeezenext-cifar10": 461_466,
    "discrete-msa-mnist": 10_027_028,
    "higham-2-2-3-2": 23,
}
# the others are the same layouts, deeper or with more classes
SMALL = [name for name in PUBLISHED if not re.search("1202|218|110|62|50w|(aaai|net).*cifar100", name)]


def size(name: str) -> tuple[int, ...]:
    usual = (2, 1, 28, 28) if "mnist" in name else (2, 3, 32, 32) if "anode" in name else (2, 3, 16, 16)
    return SIZE.get(name, usual)


def weights(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(("name", "count"), COUNTS.items(), ids=str)
def test_weights_are_as_published(name: str, count: int) -> None:
    assert weights(build(name)) == count == PUBLISHED[name].weights


@pytest.mark.parametrize(("name", "affine"), [("midpoint", 1), ("leapfrog", 4)])
def test_full_width_networks_are_counted_by_hand(name: str, affine: int) -> None:
    """5, 4 and 3 blocks at the three widths: the first block of a stage runs at the width before it."""
    blocks = sum(n * (9 * w * w + affine * w) for n, w in ((5, 32), (4, 64), (3, 112)))
    assert weights(build(f"aaai-{name}-26-cifar10")) == 27 * 32 + 64 + blocks + 224 + 1130


@pytest.mark.parametrize("name", SMALL)
def test_every_weight_gets_a_gradient(name: str) -> None:
    torch.manual_seed(0)
    net = build(name)
    images = torch.randn(size(name))
    loss = net(images).square().mean()
    loss.backward()
    assert torch.isfinite(loss)
    for key, p in net.named_parameters():
        assert p.grad is not None and torch.isfinite(p.grad).all() and p.grad.any(), key


@pytest.mark.parametrize(
    "name", ["jmiv-hamiltonian-cifar10", "jmiv-second-order-stl10", "aaai-hamiltonian-74-cifar10", "hyperbolic-2d"]
)
@pytest.mark.parametrize("mode", ["checkpointed", "reversible"])
def test_modes_agree_on_whole_networks(name: str, mode: str) -> None:
    images = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    found = []
    for gradient in (mode, "stored"):
        torch.manual_seed(0)
        net = build(name, gradient=gradient).double()
        net(images).square().mean().backward()
        found.append([p.grad for p in net.parameters()] + list(net.buffers()))
    for a, b in zip(*found, strict=True):
        assert a is not None and b is not None
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-10)


def test_table_is_read_without_torch() -> None:
    code = "import sys, pdebridge.networks.published, pdebridge.cube; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean 'jmiv-parabolic-stl10'"):
        build("jmiv-parabolic-stl")
    with pytest.raises(ValueError, match="ForwardEuler has no algebraic inverse"):
        build("jmiv-parabolic-cifar10", gradient="reversible")


def test_jmiv_draws_a_block_once_and_small() -> None:
    net = build("jmiv-parabolic-cifar10")
    flow = next(m for m in net.modules() if isinstance(m, Flow))
    K = flow.control.K.detach()
    assert torch.equal(K[0], K[1]) and torch.equal(K[0], K[2])
    assert float(K.abs().max()) == pytest.approx(2 * (2 / (3 * 32)) ** 0.5)
    assert net.classifier.weight.abs().max() <= 0.2
    assert isinstance(flow.dynamics, Parabolic) and flow.h == 1.0
