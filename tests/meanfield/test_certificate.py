"""Every answer of a certificate says what it proves, and none is above what is known."""

from dataclasses import replace
from math import inf, isfinite

import pytest
import torch

from pdebridge.meanfield.certificate import certify, estimate, proved
from pdebridge.meanfield.closed_forms import GaussianTransport, LinearQuadratic
from pdebridge.meanfield.densities import Gaussian
from pdebridge.meanfield.derivatives import Derivatives
from pdebridge.meanfield.exact import exact_solution
from pdebridge.meanfield.games import (
    Alpha,
    Game,
    crowd_motion,
    gaussian,
    gaussian_transport,
    linear_quadratic,
    optimal_transport,
)
from pdebridge.meanfield.interactions import Entropy, ExternalCost, Interaction
from pdebridge.meanfield.potential import Potential

STRAIGHT = GaussianTransport(d=1, mean0=1.0, std0=1.0, mean1=-1.0, std1=0.5, alpha1=2.0, weight=5.0)
CURVED = LinearQuadratic(1, 1.5, 0.8, -1.0, 0.5, k=2.0, center=0.4, entropy=0.3, alpha1=1.0, weight=5.0)


def game_of(solution):
    if solution.alpha1 == 2.0:
        d = solution.d
        return gaussian_transport([1.0] * d, 1.0, [-1.0] * d, 0.25, Alpha(2.0, 1.0, 5.0, 1.0, 1.0))
    return linear_quadratic(solution.d)


def quadratic(d, curvature):
    """Return a potential with ``Phi = curvature |x|^2/2`` at all times."""
    phi = Potential(d, 2).requires_grad_(False)
    for weight in phi.parameters():
        weight.zero_()
    phi.quadratic.A[:d, :d] = curvature * torch.eye(d)
    return phi


@pytest.mark.parametrize(("make", "d"), [(gaussian, 3), (linear_quadratic, 10)])
def test_a_closed_form_is_a_proof_whatever_the_potential(make, d):
    game = make(d)
    optimum = exact_solution(game).costs().value
    found = certify(game, Potential(game.d, 4), steps=8, samples=64, replicates=2)
    assert found.proof == "proved"
    assert found.bound == pytest.approx(optimum, rel=1e-9)
    assert found.gap > 0.1 * optimum


@pytest.mark.parametrize("d", [2, 50])
def test_transport_is_proved_to_a_third_of_a_per_cent_in_any_dimension(d):
    """Its optimum on grids of the plane is 10.67 +- 0.01, and the same in every d."""
    game = optimal_transport(d)
    argument, bound = proved(game)
    assert "no running cost" in argument
    assert 10.63 < bound.value < 10.69
    assert bound.standard_error < 0.01


def test_crowd_motion_is_estimated():
    found = certify(crowd_motion(2), Potential(2, 4), steps=4, samples=16, replicates=2, starts=1, iterations=2)
    assert found.proof == "estimated"
    assert found.bound < 19.72


@pytest.mark.parametrize("solution", [STRAIGHT, CURVED])
@pytest.mark.parametrize("d", [1, 2, 20])
def test_an_estimate_at_the_exact_solution_is_close_to_the_optimum_and_below(solution, d):
    """Where the value is known an estimate above it is an alarm."""
    solution = replace(solution, d=d)
    found = estimate(game_of(solution), solution, steps=24, samples=128, replicates=4, starts=4)
    optimum = solution.costs().value
    assert found.proof == "estimated"
    assert found.bound < optimum
    assert found.bound == pytest.approx(optimum, rel=0.02)
    assert 0 < found.gap < 5e-3 * optimum


@pytest.mark.parametrize("steps", [8, 16, 32])
def test_the_quadrature_errs_on_the_safe_side(steps):
    """The trapezoidal rule overestimates convex costs: with 32 steps by 0.0102 in d = 10."""
    game = linear_quadratic(10)
    solution = exact_solution(game)
    found = estimate(game, solution, steps=steps, samples=256, replicates=8, starts=1, iterations=80)
    assert found.bound <= solution.costs().value
    assert found.gap > 0
    assert found.gap < 0.05 * (32 / steps) ** 2


@pytest.mark.parametrize("solution", [STRAIGHT, CURVED])
def test_the_estimate_of_a_wrong_potential_is_below_the_optimum(solution):
    """Any potential bounds the optimum; a poor one by much."""
    game, phi = game_of(replace(solution, d=2)), Potential(2, 8, spread=0.3)
    found = estimate(game, phi, steps=16, samples=256, replicates=4)
    optimum = replace(solution, d=2).costs().value
    assert found.bound < optimum < found.primal
    assert found.gap > 0.1 * optimum


class Waiting:
    """``Phi = 300 (1 - t) + 5``: a crowd that stays where it is."""

    d = 2

    def __call__(self, x, t):
        return torch.full_like(x[:, 0], 300 * (1 - t) + 5)

    def prepare(self):
        return lambda x, t: Derivatives(
            torch.zeros_like(x), torch.full_like(x[:, 0], -300.0), torch.zeros_like(x[:, 0])
        )


def test_a_cheaper_way_that_no_path_of_the_crowd_is_near_is_found():
    """Everywhere 300 but around (-2, 0), start and target at (2, 0): there and back costs 194.45, waiting 300."""
    wall = ExternalCost(lambda x: 300 * (1 - (-((x[:, 0] + 2) ** 2 + x[:, 1] ** 2) / 0.72).exp()))
    here = Gaussian([2.0, 0.0], 0.02)
    game = Game(here, Gaussian([2.0, 0.0], 0.02), [wall], Alpha(1, 1, 5, 1, 1))
    found = certify(game, Waiting(), steps=32, samples=32, replicates=2, starts=4, iterations=40)
    assert found.primal == pytest.approx(300, abs=1e-6)
    assert found.proof == "estimated"
    assert found.bound <= 194.45
    assert found.gap > 105


@pytest.mark.parametrize(("share", "words"), [(0.8, "heavy tails"), (1.0, "infinite"), (1.05, "infinite")])
def test_a_conjugate_that_no_average_finds_is_no_bound(share, words):
    """Curvature 0.8 alpha_3/sigma_1^2 in d = 20 gave 27.6 +- 1.4 where the dual is 10.0; from 1 on it is infinite."""
    game = gaussian(20)
    phi = quadratic(20, share * game.alpha.terminal / 0.25)
    found = estimate(game, phi, steps=8, samples=32, replicates=4, starts=1, iterations=2)
    assert (found.proof, found.bound, found.gap) == ("none", -inf, inf)
    assert words in found.argument
    assert isfinite(found.primal)


def test_bad_input_is_refused():
    class Unknown(Interaction):
        def forward(self, x, log_rho):
            return log_rho, log_rho

    base = linear_quadratic(2)
    with pytest.raises(ValueError, match="Unknown is not known to be bounded"):
        certify(Game(base.initial, base.target, [Unknown()]), STRAIGHT)
    with pytest.raises(ValueError, match="at least two replicates, not 1"):
        certify(Game(base.initial, base.target, [Entropy(1.0)]), STRAIGHT, replicates=1)
    with pytest.raises(ValueError, match="an even number of steps, not 7"):
        certify(base, STRAIGHT, steps=7)
