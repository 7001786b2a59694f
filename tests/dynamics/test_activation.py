import pytest
import torch

from pdebridge.dynamics.activation import ACTIVATIONS, ETA, activation_named


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_pull_is_the_derivative_and_the_slope_its_bound(name: str) -> None:
    sigma = activation_named(name)
    u = torch.linspace(-2, 2, 1000, dtype=torch.float64, requires_grad=True)  # an even number: never at a kink
    s = sigma(u)
    (slope,) = torch.autograd.grad(s.sum(), u)
    torch.testing.assert_close(sigma.pull(torch.ones_like(s), s.detach()), slope, rtol=1e-7, atol=1e-7)
    assert float(slope.min()) >= 0
    assert float(slope.max()) <= sigma.slope


def test_smooth_relu_is_a_parabola_between_two_lines() -> None:
    """Günther et al. (2020): ``u^2/(4 eta) + u/2 + eta/4`` for ``|u| < eta``, else ReLU."""
    u = torch.linspace(-0.3, 0.3, 601, dtype=torch.float64)
    piecewise = torch.where(u.abs() < ETA, u**2 / (4 * ETA) + u / 2 + ETA / 4, u.relu())
    torch.testing.assert_close(activation_named("smooth-relu")(u), piecewise, rtol=0, atol=1e-16)
