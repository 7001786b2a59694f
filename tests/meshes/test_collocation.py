"""The Laplacian and its parameter gradient against nested automatic differentiation, and against a known function."""

import pytest
import torch

from pdebridge.meshes.collocation import TanhNetwork, residual
from pdebridge.studies.poisson_networks import nested


@pytest.mark.parametrize(("d", "width", "depth"), [(1, 4, 1), (3, 5, 2), (4, 6, 3), (2, 3, 4)])
def test_the_residual_is_that_of_nested_differentiation(d, width, depth):
    torch.manual_seed(0)
    network, x = TanhNetwork(d, width, depth).double(), torch.rand(7, d, dtype=torch.float64)
    source = torch.rand(7, dtype=torch.float64)
    ours, theirs = residual(network, x, source), nested(network, x, source)
    torch.testing.assert_close(ours, theirs)
    weights = [w for w in network.parameters() if w is not network.output.bias]  # no derivative sees the constant
    for one, other in zip(torch.autograd.grad(ours, weights), torch.autograd.grad(theirs, weights), strict=True):
        torch.testing.assert_close(one, other)


def test_the_gradient_is_that_of_autograd():
    network, x = TanhNetwork(3, 5, 3), torch.rand(7, 3, requires_grad=True)
    value, gradient = network.value_and_gradient(x)
    torch.testing.assert_close(value, network(x))
    torch.testing.assert_close(gradient, torch.autograd.grad(network(x).sum(), x)[0])


@pytest.mark.parametrize(("d", "count"), [(2, 8577), (10, 9089), (20, 9729)])
def test_published_counts(d, count):
    assert sum(w.numel() for w in TanhNetwork(d).parameters()) == count


def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        TanhNetwork(0)
