"""The conjugate of the terminal cost, and the tails of its weights."""

from dataclasses import replace
from math import isfinite

import pytest
import torch

from pdebridge.meanfield.closed_forms import GaussianTransport
from pdebridge.meanfield.conjugate import conjugate, doubt, pareto_shape
from pdebridge.meanfield.games import Alpha, gaussian_transport

STRAIGHT = GaussianTransport(d=1, mean0=1.0, std0=1.0, mean1=-1.0, std1=0.5, alpha1=2.0, weight=5.0)


def game(d):
    return gaussian_transport([1.0] * d, 1.0, [-1.0] * d, 0.25, Alpha(2.0, 1.0, 5.0, 1.0, 1.0))


@pytest.mark.parametrize("d", [1, 20, 100])
def test_that_of_an_exact_solution_has_hardly_any_variance(d):
    """``Phi(., 1) = alpha_3 (1 + log rho(1)/rho_1)`` makes it ``alpha_3``; ``rho_1`` alone lacks 4.5 in d = 100."""
    solution = replace(STRAIGHT, d=d)
    found = conjugate(game(d), solution, 16, range(4))
    assert found.doubt == ""
    assert found.value == pytest.approx(solution.weight, abs=0.06)
    assert found.standard_error < 0.05


def test_a_flow_that_cannot_be_followed_back_only_loosens_it():
    steep = replace(STRAIGHT, weight=200.0)  # backward, Runge-Kutta steps of size 1 lose the target's samples
    assert isfinite(conjugate(game(1), steep, 1, range(2)).value)


@pytest.mark.parametrize("k", [-0.5, 0.2, 0.5, 0.9])
def test_the_shape_of_a_generalised_pareto_distribution_is_found(k):
    u = torch.rand(200_000, generator=torch.Generator().manual_seed(0))
    assert pareto_shape((u**-k - 1) / k) == pytest.approx(k, abs=0.12)


def test_heavy_tails_are_doubted_and_light_ones_are_not():
    u = torch.rand(20_000, generator=torch.Generator().manual_seed(0))
    assert doubt(u) == ""
    assert doubt(-u.log()) == ""
    assert "Pareto shape" in doubt(u**-0.8)
    assert "count as" in doubt((20 * torch.randn(20_000)).exp())
    assert doubt(torch.ones(1000)) == ""
