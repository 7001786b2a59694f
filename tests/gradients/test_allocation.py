import torch
from torch.nn import functional

from pdebridge.gradients.allocation import Allocation, peak_bytes


def test_freed_tensors_do_not_count_twice() -> None:
    def chain() -> None:
        u = torch.zeros(1000)
        for _ in range(5):
            u = u + 1

    assert peak_bytes(chain) == 2 * 4000


def test_views_and_inputs_are_free() -> None:
    given = torch.zeros(1000)
    assert peak_bytes(lambda: given[:10].view(2, 5).t()) == 0
    assert peak_bytes(lambda: given.add_(1)) == 0


def test_saved_activations_stay_until_backward() -> None:
    K, u = torch.randn(4, 4, 3, 3, requires_grad=True), torch.randn(1, 4, 8, 8)
    with Allocation() as allocation:
        for _ in range(3):
            u = torch.tanh(functional.conv2d(u, K, padding=1))
        assert allocation.live == 3 * 1024
        u.sum().backward()
        del u
        assert allocation.live == K.numel() * 4
