"""A convolution is a linear combination of differential operators; on a periodic line all of it is known."""

import math
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pdebridge.catalogue import INTEGRATORS
from pdebridge.cube import load
from pdebridge.dynamics.base import Instant
from pdebridge.dynamics.control import Constant
from pdebridge.dynamics.stencil import Stencil, derivatives
from pdebridge.dynamics.stencil_network import StencilNetwork
from pdebridge.gradients.checkpointed import Checkpointed, Revolve
from pdebridge.gradients.layer_parallel import LayerParallel
from pdebridge.gradients.stored import stored
from pdebridge.gradients.taped import Taped
from pdebridge.integrators.march import advance
from pdebridge.networks.certificate import spectral
from pdebridge.networks.flow import Flow

AT = Instant(0, 0.0, 0.1)


def double(*values):
    return torch.tensor(values, dtype=torch.float64)


def line(points, length=2 * math.pi):
    return torch.arange(points, dtype=torch.float64) * (length / points)


def test_five_taps_are_the_known_quotients():
    d = derivatives(5)
    torch.testing.assert_close(d[1], double(1, -8, 0, 8, -1) / 12)
    torch.testing.assert_close(d[2], double(-1, 16, -30, 16, -1) / 12)
    torch.testing.assert_close(d[4], double(1, -4, 6, -4, 1))
    with pytest.raises(ValueError, match="odd number of taps, not 4"):
        derivatives(4)


@pytest.mark.parametrize(("taps", "m", "order"), [(5, 1, 4), (5, 2, 4), (5, 3, 2), (5, 4, 2), (7, 4, 4), (9, 2, 8)])
def test_observed_order_of_the_quotients(taps, m, order):
    def error(points):
        F = Stencil(1, 2 * math.pi, orders=[m], products=[], taps=taps, implicit=False).double()
        u = torch.exp(torch.sin(line(points)))
        exact = torch.fft.irfft((1j * torch.arange(points // 2 + 1)) ** m * torch.fft.rfft(u), n=points)
        return float((F(u[None, None], [double([1.0])], AT)[0, 0] - exact).abs().max())

    assert math.log2(error(64) / error(128)) == pytest.approx(order, abs=0.2)


@given(st.lists(st.floats(-10, 10), min_size=5, max_size=5))
def test_every_convolution_of_five_taps_is_one_operator(taps):
    """Coefficients are the moments of the taps, and back."""
    length, points = 3.0, 8
    F = Stencil(1, length, products=[], implicit=False).double()
    offsets = (torch.arange(5, dtype=torch.float64) - 2) * (length / points)
    a = torch.stack([(double(*taps) * offsets**m).sum() / math.factorial(m) for m in range(5)])
    u = torch.randn(1, 1, points, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = sum(w * u.roll(2 - j, -1) for j, w in enumerate(taps))
    torch.testing.assert_close(F(u, [a[:, None]], AT), expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(("width", "points"), [*product([1, 2], [9, 12])])
def test_the_symbol_is_the_convolution(width, points):
    torch.manual_seed(0)
    implicit = Stencil(width, 5.0, products=[]).double()
    explicit = Stencil(width, 5.0, products=[], implicit=False).double()
    u, a = torch.randn(3, width, points, dtype=torch.float64), torch.randn(5, width, dtype=torch.float64)
    u[:, 1:] = u[:, 1:, :1]
    transformed = implicit.symbol(u, [a]) * torch.fft.rfft(u)
    torch.testing.assert_close(torch.fft.irfft(transformed, n=points), explicit(u, [a], AT))
    assert not implicit(u, [a], AT).any()


def test_products_and_a_parameter_are_the_formula():
    """``u_t = (2 - 3 alpha) u u_x + (1 + alpha) u_xx`` at ``u = sin x``; the parameter stands still."""
    F = Stencil(2, 2 * math.pi, orders=[2], products=[(0, 1)], taps=9, implicit=False).double()
    x, alpha = line(64), 0.7
    u = torch.stack([torch.sin(x), torch.full_like(x, alpha)])[None]
    rate = F(u, [double([1, 1]), double([2, -3])], AT)
    exact = (2 - 3 * alpha) * torch.sin(x) * torch.cos(x) - (1 + alpha) * torch.sin(x)
    torch.testing.assert_close(rate[0, 0], exact, rtol=0, atol=1e-6)
    assert not rate[0, 1].any()


def test_the_network_sees_derivatives_or_values():
    x = line(64)
    u = torch.sin(x)[None, None]
    F = StencilNetwork(1, 2 * math.pi, taps=9).double()
    expected = torch.stack([torch.sin(x), torch.cos(x), -torch.sin(x), torch.sin(x), torch.sin(x) * torch.cos(x)])
    torch.testing.assert_close(F.see(u)[0], expected, rtol=0, atol=1e-6)
    seen = StencilNetwork(1, 2 * math.pi, features="values").double().see(u)[0]
    torch.testing.assert_close(seen[:, 10], u[0, 0, 8:13])
    torch.testing.assert_close(seen[:, 63], u[0, 0, [61, 62, 63, 0, 1]])


def test_a_new_network_stands_still():
    for F in (Stencil(1, 1.0, implicit=False), StencilNetwork(1, 1.0, implicit=False)):
        assert not F(torch.randn(2, 1, 8), tuple(F.initial().values()), AT).any()


def kuramoto_sivashinsky(step, h, implicit=True, products=((0, 1),)):
    F = Stencil(1, 22.0, orders=[2, 4], products=products, implicit=implicit).double()
    flow = Flow(F, Constant(F).double(), load(INTEGRATORS[step])(), stored, 1, h)
    with torch.no_grad():
        for w in flow.control.parameters():
            w.fill_(-1.0)
    return flow


def test_the_certificate_of_kuramoto_sivashinsky():
    """Explicit: 2.785 over ``16 / dx^4 - 16 / (3 dx^2)``. Implicit: the pole at the largest growth ``k^2 - k^4``."""
    explicit = spectral(kuramoto_sivashinsky("rk4", 1e-3, implicit=False, products=()), (64,))
    dx, growth = 22 / 64, max(k**2 - k**4 for k in (2 * math.pi * n / 22 for n in range(1, 5)))
    assert explicit.number == pytest.approx(2.785293563 / (16 / dx**4 - 16 / 3 / dx**2) / 1e-3)
    assert explicit.number == pytest.approx(2.53, rel=2e-3) and explicit.holds
    for step, gamma in {"imex-euler": 1.0, "crank-nicolson": 0.5, "ars-222": 1 - 0.5**0.5, "ars-443": 0.5}.items():
        implicit = spectral(kuramoto_sivashinsky(step, 0.25, products=()), (64,))
        assert implicit.number == pytest.approx(4 / (gamma * growth), rel=1e-2)
    assert spectral(kuramoto_sivashinsky("etd-rk4", 0.25, products=()), (64,)).number == math.inf
    for step, implicit in (("rk4", False), ("etd-rk4", True)):  # the product u u_x has no bound
        with pytest.raises(ValueError, match="nothing bounds the spectrum of this Stencil"):
            spectral(kuramoto_sivashinsky(step, 1e-3, implicit=implicit), (64,))


@pytest.mark.parametrize("step", ["forward-euler", "rk4"])
def test_the_bound_is_sharp_for_a_linear_stencil(step):
    flow = kuramoto_sivashinsky(step, 1e-3, implicit=False, products=())
    largest = 1e-3 * spectral(flow, (64,)).number
    u = (-1.0) ** torch.arange(64, dtype=torch.float64)[None, None]  # the fastest wave

    def growth(h):
        theta = flow.control.sample(500, flow.integrator.abscissae)
        return float(advance(flow.integrator, flow.dynamics, theta, (u,), 500, h)[0].detach().abs().max())

    assert growth(0.99 * largest) < 1
    assert growth(1.02 * largest) > 1e3


MODES = {
    "taped": Taped,
    "root": Checkpointed,
    "revolve": lambda: Revolve(2),
    "layer-parallel": lambda: LayerParallel(cycles=4, factor=2, coarsest=2),
}


@pytest.mark.parametrize("step", [name for name, at in INTEGRATORS.items() if "implicit" in load(at).structure])
@pytest.mark.parametrize("mode", MODES)
def test_gradients_of_a_recurrent_template_are_those_of_the_loop(mode, step):
    """Shared weights, the linear part among them, and a parameter."""

    def gradients(gradient):
        torch.manual_seed(0)
        F = StencilNetwork(2, 6.0, hidden=3).double()
        flow = Flow(F, Constant(F).double(), load(INTEGRATORS[step])(), gradient, 8, 0.1)
        with torch.no_grad():
            for w in flow.control.parameters():
                w.add_(0.1 * torch.randn_like(w))
        u = torch.randn(2, 2, 9, dtype=torch.float64, requires_grad=True)
        out = flow(u)
        loss = (out * torch.linspace(-1, 1, out.numel(), dtype=torch.float64).view_as(out)).sum()
        return [out.detach(), *torch.autograd.grad(loss, [u, *flow.parameters()])]

    for found, expected in zip(gradients(MODES[mode]()), gradients(stored), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-10)
        assert expected.abs().max() > 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Stencil(3, 1.0), "one field, width 1, or 2 with a parameter .found 3."),
        (lambda: Stencil(1, 0.0), "period of positive length .found 0.0."),
        (lambda: Stencil(1, 1.0, orders=[5]), "5 taps have derivatives of the orders 0, ..., 4"),
        (lambda: Stencil(1, 1.0)(torch.zeros(1, 1, 4), (torch.zeros(5, 1), torch.zeros(1, 1)), AT), "5 points or more"),
        (lambda: StencilNetwork(1, 1.0, hidden=0), "hidden layers with neurons"),
        (lambda: StencilNetwork(1, 1.0, features="value"), "derivatives or values, not 'value'"),
        (lambda: StencilNetwork(1, 1.0, scales=[1.0]), "5 features to be scaled"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
