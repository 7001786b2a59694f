import pytest
import torch
from torch.distributions import Normal, kl_divergence

from pdebridge.meanfield.densities import Gaussian
from pdebridge.meanfield.gaussians import divergence, gaussian_map, terminal_coefficients, wasserstein2_squared


def test_gaussian_map_pushes_one_covariance_to_the_other():
    B = torch.randn(2, 4, 4)
    S0, S1 = B @ B.mT + torch.eye(4)
    M = gaussian_map(S0, S1)
    torch.testing.assert_close(M @ S0 @ M.T, S1)
    torch.testing.assert_close(M, M.T)
    moved = (torch.eye(4) - M) @ S0 @ (torch.eye(4) - M).T
    m0, m1 = torch.randn(2, 4)
    expected = float(moved.trace() + (m0 - m1).square().sum())
    assert wasserstein2_squared(m0, S0, m1, S1) == pytest.approx(expected)


def test_the_divergence_of_two_normal_distributions():
    expected = kl_divergence(Normal(0.3, 0.7), Normal(-1.0, 0.4))
    assert divergence(0.3, 0.7, -1.0, 0.4) == pytest.approx(float(expected))


def test_terminal_coefficients_are_those_of_the_variation():
    p, q, r = terminal_coefficients(0.3, 0.7, -1.0, 0.4, weight=5.0, d=2)
    x = torch.randn(6, 2)
    expected = 5 * (1 + Gaussian([0.3, 0.3], 0.49).log_density(x) - Gaussian([-1.0, -1.0], 0.16).log_density(x))
    torch.testing.assert_close((0.5 * p * x**2 + q * x + r).sum(1), expected)
