import pytest
import torch
from torch import nn
from torch.nn.functional import group_norm

from pdebridge.dynamics.base import Instant
from pdebridge.dynamics.group_norm import GroupNormOfImages
from pdebridge.dynamics.normalisation import (
    BatchNorm,
    GroupNorm,
    Recomputing,
    TVNorm,
    normalisation_named,
    sum_over_channels,
)

AT = Instant(1, 0.0, 1.0)


@pytest.mark.parametrize("pixels", [(), (5,), (4, 5), (2, 3, 4)])
def test_tv_norm_makes_pixels_unit_vectors(pixels: tuple[int, ...]) -> None:
    norm = TVNorm(6, eps=1e-12)
    a = torch.randn(3, 6, *pixels, dtype=torch.float64)
    unit = norm(a, (torch.ones(6, dtype=torch.float64), torch.zeros(6, dtype=torch.float64)), AT)
    torch.testing.assert_close(unit.square().sum(1), torch.ones(3, *pixels, dtype=torch.float64))


def test_tv_norm_is_equation_nine() -> None:
    a, s, b = torch.randn(2, 3, 4, 4), torch.randn(3), torch.randn(3)
    by_hand = torch.empty_like(a)
    for c in range(3):
        by_hand[:, c] = s[c] * a[:, c] / torch.sqrt(a[:, 0] ** 2 + a[:, 1] ** 2 + a[:, 2] ** 2 + 1e-3) + b[c]
    torch.testing.assert_close(TVNorm(3)(a, (s, b), AT), by_hand)


def test_tv_norm_has_a_derivative_at_zero() -> None:
    a = torch.zeros(1, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    one, zero = torch.ones(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    (g,) = torch.autograd.grad(TVNorm(3)(a, (one, zero), AT).sum(), a)
    torch.testing.assert_close(g, torch.full_like(g, 1e-3**-0.5))


def test_batch_norm_is_torchs_at_each_step() -> None:
    norm, reference = BatchNorm(3, steps=2, eps=1e-5), nn.BatchNorm2d(3)
    a = 2 + 3 * torch.randn(4, 3, 5, 5)
    affine = (torch.ones(3), torch.zeros(3))
    torch.testing.assert_close(norm(a, affine, AT), reference(a))
    torch.testing.assert_close(norm.running_mean[1], reference.running_mean)
    torch.testing.assert_close(norm.running_var[1], reference.running_var)
    assert not norm.running_mean[0].any()  # the other step's are untouched
    torch.testing.assert_close(norm.eval()(a, affine, AT), reference.eval()(a))


def test_batch_norm_updates_once_under_recomputation() -> None:
    norm, a, affine = BatchNorm(3, steps=2), torch.randn(4, 3, 5, 5), (torch.ones(3), torch.zeros(3))
    first = norm(a, affine, AT)
    seen = norm.running_mean.clone()
    with Recomputing():
        torch.testing.assert_close(norm(a, affine, AT), first)
    torch.testing.assert_close(norm.running_mean, seen)


def test_wrong_names_are_refused() -> None:
    with pytest.raises(ValueError, match="batch with steps=N"):
        normalisation_named("layer", 4, None)
    with pytest.raises(ValueError, match="batch with steps=N"):
        normalisation_named("batch", 4, None)


def test_the_tv_norm_works_in_the_precision_of_its_weights() -> None:
    a, affine = torch.randn(2, 4, 3, 3), tuple(TVNorm(4).initial().values())
    exact = TVNorm(4)(a, affine, AT)
    low = TVNorm(4)(a.bfloat16(), affine, AT)
    assert low.dtype == torch.float32
    torch.testing.assert_close(low, exact, rtol=1e-2, atol=1e-2)
    assert TVNorm(4)(a.bfloat16(), tuple(w.bfloat16() for w in affine), AT).dtype == torch.bfloat16


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_group_norm_and_its_adjoint_are_torchs(layout: torch.memory_format) -> None:
    """Far from zero, too, where a variance as a difference of squares would lose digits."""
    torch.manual_seed(0)
    a = (100 + torch.randn(3, 6, 4, 5, dtype=torch.float64)).contiguous(memory_format=layout).requires_grad_()
    s, b = (torch.randn(6, dtype=torch.float64, requires_grad=True) for _ in range(2))
    g = torch.randn_like(a)
    expected = group_norm(a, 3, s, b)
    gradients = torch.autograd.grad(expected, [a, s, b], g)
    node = GroupNormOfImages.apply(a, s, b, 3, 1e-5)
    with torch.no_grad():
        norm, sums = GroupNorm(6, groups=3), (torch.zeros_like(s), None)
        value, transpose = norm.linearise(a, (s, b))
        for found in (node, value, norm(a, (s, b), AT)):
            torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-11)
            assert found.stride() == a.stride()
        torch.testing.assert_close(transpose(g, sums, 2.0), gradients[0], rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(sums[0], 2 * gradients[1], rtol=1e-10, atol=1e-10)
    for found, exact in zip(torch.autograd.grad(node, [a, s, b], g), gradients, strict=True):
        torch.testing.assert_close(found, exact, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_sums_over_channels_stay_in_single_precision_under_autocast(layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    a, w = torch.randn(3, 8, 5, 4).contiguous(memory_format=layout), torch.randn(8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = sum_over_channels(a.clone(), w)
    torch.testing.assert_close(found, (a * w.view(-1, 1, 1)).sum(1, keepdim=True))
