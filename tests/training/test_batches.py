"""Every epoch sees every sample once, in an order that is a function of (seed, epoch)."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from pdebridge.training.batches import Batches, permutation


@given(st.integers(1, 60), st.integers(1, 20), st.integers(0, 5), st.integers(0, 5))
def test_every_sample_once_with_its_label(n, size, seed, epoch):
    x = torch.arange(n)
    batches = Batches(x[:, None].double(), x, size, seed)
    batches.set_epoch(epoch)
    parts = list(batches)
    assert len(parts) == len(batches)
    labels = torch.cat([c for _, c in parts])
    assert torch.equal(labels.sort().values, x)
    assert all(torch.equal(y.flatten(), c.double()) for y, c in parts)


def test_the_order_depends_on_seed_and_epoch_only():
    torch.manual_seed(5)
    first = permutation(50, 1, 2)
    torch.manual_seed(6)
    assert torch.equal(first, permutation(50, 1, 2))
    assert not torch.equal(first, permutation(50, 1, 3))
    assert not torch.equal(first, permutation(50, 2, 2))


def test_a_full_batch_is_the_tensor_itself():
    x = torch.randn(7, 2)
    ((batch, _),) = list(Batches(x, torch.zeros(7), None, seed=0))
    assert batch.data_ptr() == x.data_ptr()
