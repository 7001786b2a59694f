from dataclasses import replace

import numpy as np
import pytest
import torch

from pdebridge.meanfield.characteristics import characteristics
from pdebridge.meanfield.closed_forms import GaussianTransport, LinearQuadratic
from pdebridge.meanfield.densities import Gaussian
from pdebridge.meanfield.games import Alpha, gaussian_transport, linear_quadratic
from pdebridge.meanfield.gaussians import wasserstein2_squared
from pdebridge.meanfield.objective import expectations, objective

STRAIGHT = GaussianTransport(d=1, mean0=1.0, std0=1.0, mean1=-1.0, std1=0.5, alpha1=2.0, weight=5.0)
CURVED = LinearQuadratic(1, 1.5, 0.8, -1.0, 0.5, k=2.0, center=0.4, entropy=0.3, alpha1=1.0, weight=5.0)


def straight_game(d):
    return gaussian_transport([1.0] * d, 1.0, [-1.0] * d, 0.25, Alpha(2.0, 1.0, 5.0, 1.0, 1.0))


def curved_game(d):
    return linear_quadratic(d)


def test_values_of_the_kl_relaxed_gaussian_transport():
    assert STRAIGHT.final == pytest.approx((-0.8181818, 0.5243479), abs=1e-7)
    assert STRAIGHT.costs() == pytest.approx((3.5320300, 0.0, 0.3422492), abs=1e-7)


def test_values_of_the_linear_quadratic_game():
    assert CURVED.moments(1.0) == pytest.approx((-0.8595507, 0.5006751), abs=1e-7)
    assert CURVED.costs() == pytest.approx((2.8615465, 0.5349820, 0.1972692), abs=1e-6)


def test_crowd_motion_gains_a_fixed_amount_in_each_further_dimension():
    """The coordinates beyond the second of the crowd are this game with k = 0."""
    further = LinearQuadratic(1, 0.0, 0.3**0.5, 0.0, 0.3**0.5, k=0.0, center=0.0, entropy=0.01, alpha1=1.0, weight=5.0)
    assert further.costs() == pytest.approx((1.38e-5, -8.1996e-3, 1.2e-6), abs=1e-7)
    assert further.costs().value == pytest.approx(-8.18457e-3, abs=1e-8)


def test_without_forces_the_linear_quadratic_game_is_the_transport():
    free = LinearQuadratic(3, 1.0, 1.0, -1.0, 0.5, k=0.0, center=0.0, entropy=0.0, alpha1=2.0, weight=5.0)
    straight = replace(STRAIGHT, d=3)
    assert free.costs() == pytest.approx(straight.costs(), abs=1e-9)
    for t in (0.0, 0.4, 1.0):
        assert free.coefficients(t) == pytest.approx(straight.coefficients(t), abs=1e-8)
        assert free.slopes(t) == pytest.approx(straight.slopes(t), abs=1e-7)


@pytest.mark.parametrize("solution", [STRAIGHT, CURVED])
def test_time_derivative_and_moments_by_differences(solution):
    for t in (0.2, 0.7):
        for plus, minus, slope in zip(
            solution.coefficients(t + 1e-4), solution.coefficients(t - 1e-4), solution.slopes(t), strict=True
        ):
            assert (plus - minus) / 2e-4 == pytest.approx(slope, rel=1e-6)
        mean, std = solution.moments(t)
        x = torch.tensor([[mean], [mean + std]])
        assert float(solution.push_forward(torch.tensor([[solution.mean0]]), t)) == pytest.approx(mean)
        rate = (np.array(solution.moments(t + 1e-4)) - solution.moments(t - 1e-4)) / 2e-4
        velocity = solution.velocity(x, t)
        assert [float(velocity[0]), float(velocity[1] - velocity[0])] == pytest.approx(list(rate), rel=1e-6)


@pytest.mark.parametrize(("solution", "game"), [(STRAIGHT, straight_game), (CURVED, curved_game)])
@pytest.mark.parametrize("d", [1, 3, 100])
def test_hjb_equation_and_costs_along_characteristics(solution, game, d):
    solution, game = replace(solution, d=d), game(d)
    terms = objective(game, solution, game.initial.sobol(2**11), steps=16)
    assert [float(v) for v in terms[:3]] == pytest.approx(list(solution.costs()), rel=5e-3, abs=1e-2)
    assert float(terms.hjb_path) < 1e-3 * d
    assert float(terms.hjb_final) < 1e-4 * d


@pytest.mark.parametrize(("solution", "game"), [(STRAIGHT, straight_game), (CURVED, curved_game)])
def test_characteristics_and_determinant_are_exact(solution, game):
    solution, game = replace(solution, d=3), game(3)
    x = game.initial.sample(50)
    end = characteristics(game, solution, x, steps=64)
    torch.testing.assert_close(end.z, solution.push_forward(x, 1.0), rtol=0, atol=1e-7)
    ratio = solution.moments(1.0)[1] / solution.std0
    torch.testing.assert_close(end.log_determinant, torch.full((50,), 3 * np.log(ratio)), rtol=0, atol=1e-6)


def test_straight_characteristics_are_exact_in_one_step_but_their_determinant_is_not():
    game, x = straight_game(3), torch.randn(20, 3)
    solution = replace(STRAIGHT, d=3)
    end = characteristics(game, solution, x, steps=1)
    torch.testing.assert_close(end.z, solution.push_forward(x, 1.0), rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(end.integrals[1], 0.5 * (end.z - x).square().sum(1), rtol=1e-13, atol=0)
    errors = [float(expectations(game, solution, x, steps).hjb_final) for steps in (1, 4, 8)]
    assert errors[0] > 1e-3
    assert np.log2(errors[1] / errors[2]) == pytest.approx(4, abs=0.2)


def test_runge_kutta_is_of_fourth_order():
    game, solution = curved_game(2), replace(CURVED, d=2)
    x = game.initial.sample(50)
    error = [(characteristics(game, solution, x, n).z - solution.push_forward(x, 1.0)).norm() for n in (4, 8, 16)]
    determinant = 2 * np.log(solution.moments(1.0)[1] / solution.std0)
    volume = [(characteristics(game, solution, x, n).log_determinant - determinant).abs().max() for n in (4, 8, 16)]
    for e in (error, volume):
        assert np.log2(float(e[1] / e[2])) == pytest.approx(4, abs=0.4)


def test_forward_and_backward_meet_to_fourth_order():
    game, solution = curved_game(2), replace(CURVED, d=2)
    x = game.initial.sample(50)

    def miss(steps):
        end = characteristics(game, solution, x, steps).z
        return float((characteristics(game, solution, end, steps, interval=(1.0, 0.0)).z - x).norm())

    assert np.log2(miss(8) / miss(16)) >= 3.6


def test_a_large_terminal_weight_recovers_the_wasserstein_distance():
    heavy = replace(STRAIGHT, weight=1e7)
    W2 = wasserstein2_squared(torch.tensor([1.0]), torch.eye(1), torch.tensor([-1.0]), 0.25 * torch.eye(1))
    assert heavy.costs().transport == pytest.approx(W2 * heavy.alpha1 / 2, rel=1e-6)
    assert replace(STRAIGHT, weight=1e-9).costs().value == pytest.approx(0, abs=1e-7)


def test_density_along_the_exact_characteristics():
    game, solution = curved_game(2), replace(CURVED, d=2)
    x = game.initial.sample(20)
    end = characteristics(game, solution, x, 32)
    mean, std = solution.moments(1.0)
    exact = Gaussian([mean, mean], std**2).log_density(end.z)
    torch.testing.assert_close(game.initial.log_density(x) - end.log_determinant, exact, rtol=0, atol=1e-5)
