"""Passes recorded as CUDA graphs are the passes themselves; everything else is refused beforehand."""

import pytest
import torch

from pdebridge.networks.published import build
from pdebridge.training.capture import capturable, capture

NETWORK = "jmiv-parabolic-cifar10"


def test_a_network_on_the_host_is_not_captured():
    assert not capturable(build(NETWORK))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_what_is_replayed_is_the_pass_itself():
    torch.manual_seed(0)
    net = build(NETWORK).cuda()
    x, y = torch.randn(2, 25, 3, 32, 32, device="cuda")

    def passes(call, batch):
        net.zero_grad()
        value = call(batch).square().sum()
        value.backward()
        return [value.detach(), *(p.grad.clone() for p in net.parameters())]

    buffers = [b.clone() for b in net.buffers()]
    wanted = passes(net, y)
    for buffer, before in zip(net.buffers(), buffers, strict=True):
        buffer.copy_(before)
    assert capturable(net)
    replay = capture(net, x)
    for ours, theirs in zip(passes(replay, y), wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    assert replay(y[:3]).shape == net(y[:3]).shape  # another size is not replayed
    net.eval()
    torch.testing.assert_close(replay(y), net(y))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("gradient", ["reversible", "checkpointed"])
def test_a_gradient_that_decides_on_the_host_is_not_captured(gradient):
    assert not capturable(build("jmiv-hamiltonian-cifar10", gradient=gradient).cuda())
