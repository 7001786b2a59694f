import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from pdebridge.dynamics.operator import OPERATORS, Convolution, operator_named

PIXELS = {"dense": (), "conv1d": (7,), "conv2d": (5, 6), "conv3d": (4, 5, 3)}
PIXELS |= {f"spaced-{name}": PIXELS[name] for name in ("conv2d", "conv3d")}


@settings(deadline=None, max_examples=20)
@given(st.sampled_from(sorted(OPERATORS)), st.integers(1, 5), st.integers(0, 2**31))
def test_transpose_is_the_adjoint(name: str, width: int, seed: int) -> None:
    torch.manual_seed(seed)
    op = operator_named(name, width)
    K = torch.randn(op.shape, dtype=torch.float64)
    u, v = torch.randn(2, 2, width, *PIXELS[name], dtype=torch.float64)
    torch.testing.assert_close((op(K, u) * v).sum(), (u * op.transpose(K, v)).sum())
    torch.testing.assert_close(op(op.transposed(K), u), op.transpose(K, u))
    torch.testing.assert_close(op(op.identity(K), u), u)


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("entries", [1, 3])
def test_bias_is_added_once(name: str, entries: int) -> None:
    op = operator_named(name, 3)
    K, b = torch.zeros(op.shape), torch.arange(1.0, 1 + entries)
    expected = b.expand(3).view(3, *(1,) * len(PIXELS[name])).expand(2, 3, *PIXELS[name])
    u = torch.randn(2, 3, *PIXELS[name])
    torch.testing.assert_close(op(K, u, b), expected)
    torch.testing.assert_close(op.transpose(K, u, b), expected)


def test_antisymmetric_kernel_is_convolution_minus_transposed_convolution() -> None:
    op = Convolution(4)
    K, u = torch.randn(op.shape, dtype=torch.float64), torch.randn(2, 4, 7, 6, dtype=torch.float64)
    expected = functional.conv2d(u, K, padding=1) - functional.conv_transpose2d(u, K, padding=1)
    torch.testing.assert_close(op(K - op.transposed(K), u), expected)


def test_unknown_names_and_widths_are_refused() -> None:
    with pytest.raises(ValueError, match="did you mean 'conv2d'"):
        operator_named("conv2", 4)
    with pytest.raises(ValueError, match="at least one feature"):
        operator_named("dense", 0)
