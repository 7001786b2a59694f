"""Every gradient mode of the catalogue beside the plain loop: a new name is held to it by being there."""

import warnings

import pytest
import torch
from torch import Tensor

import pdebridge
from pdebridge.catalogue import GRADIENTS
from pdebridge.networks.point import mode_named

TOLERANCE = {"adjoint": 1e-3, "layer-parallel": 1e-2}
"""Modes that approximate, on a smooth field in small steps; every other name is exact."""
OPTIONS = {"revolve": {"slots": 3}}
STEPS, WIDTH = 64, 4


def flow(integrator: str, gradient: str) -> pdebridge.Flow:
    torch.manual_seed(0)
    mode = mode_named(gradient, OPTIONS.get(gradient))()
    made = pdebridge.flow("antisymmetric", integrator, mode, width=WIDTH, steps=STEPS, time=2.0, repeat=True)
    return made.double()


def fitting(gradient: str) -> str:
    """Return an integrator that the mode takes."""
    for integrator in ("rk4", "midpoint", "dopri5"):
        try:
            flow(integrator, gradient)
        except ValueError:
            continue
        return integrator
    raise AssertionError(
        f"gradient {gradient!r}: add an integrator that it takes to `fitting`, and what it needs to OPTIONS"
    )


def gradients(net: pdebridge.Flow) -> list[Tensor]:
    u = torch.linspace(-1, 1, 3 * WIDTH, dtype=torch.float64).view(3, WIDTH).requires_grad_()
    return list(torch.autograd.grad(net(u).square().sum(), [u, *net.parameters()]))


@pytest.mark.parametrize("name", GRADIENTS)
def test_a_mode_of_the_catalogue_has_the_gradient_of_the_plain_loop(name: str) -> None:
    integrator = fitting(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no mode may have fallen back on another
        found = gradients(flow(integrator, name))
    for g, exact in zip(found, gradients(flow(integrator, "stored")), strict=True):
        error = float((g - exact).norm() / exact.norm())
        assert error < TOLERANCE.get(name, 1e-8), f"gradient {name!r} is off by {error:.1e} with {integrator}"


def test_a_stored_gradient_is_that_of_differences() -> None:
    """The one that the others are held to."""
    net = flow("rk4", "stored")
    u = torch.linspace(-1, 1, 3 * WIDTH, dtype=torch.float64).view(3, WIDTH)
    g, *_ = gradients(net)
    d, eps = torch.randn(u.shape, dtype=u.dtype, generator=torch.Generator().manual_seed(1)), 1e-5
    with torch.no_grad():
        slope = (net(u + eps * d).square().sum() - net(u - eps * d).square().sum()) / (2 * eps)
    assert float((g * d).sum()) == pytest.approx(float(slope), rel=1e-8)
