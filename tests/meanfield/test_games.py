from math import pi, sqrt

import pytest
import torch

from pdebridge.meanfield.densities import Gaussian, GaussianMixture
from pdebridge.meanfield.games import Alpha, Game, crowd_motion, optimal_transport
from pdebridge.meanfield.interactions import Congestion, Entropy, ExternalCost, GaussianObstacle, QuadraticCost


@pytest.mark.parametrize("d", [2, 10, 100])
def test_optimal_transport_is_the_published_one(d):
    game = optimal_transport(d)
    assert tuple(game.alpha) == (2, 1, 5, 3, 3)
    assert len(game.interactions) == 0
    torch.testing.assert_close(game.initial.means[:, :2].norm(dim=1), torch.full((8,), 4.0))
    assert not game.initial.means[:, 2:].any()
    torch.testing.assert_close(game.initial.means[0, :2], torch.tensor([4.0, 0.0]))
    for density in (game.initial, game.target):
        torch.testing.assert_close(density.scale.square(), torch.full((1, d), 0.3))
    assert not game.target.means.any()


def test_crowd_motion_is_the_published_one():
    game = crowd_motion(3)
    assert tuple(game.alpha) == (1, 1, 5, 20, 1)
    torch.testing.assert_close(game.initial.means, torch.tensor([[0.0, 3.0, 0.0]]))
    torch.testing.assert_close(game.target.means, torch.tensor([[0.0, -3.0, 0.0]]))
    origin, log_rho = torch.zeros(1, 3), torch.tensor([-2.0])
    f, variation = game.running(origin, log_rho)
    peak = 50 / (2 * pi * sqrt(0.5))
    torch.testing.assert_close(f, torch.tensor([peak - 0.02]))
    torch.testing.assert_close(variation, torch.tensor([peak - 0.02 + 0.01]))
    assert peak == pytest.approx(11.2540, abs=1e-4)


def test_the_obstacle_has_its_mass_and_sees_two_coordinates_only():
    obstacle = GaussianObstacle(50.0, (0.5, 0.0), (1.0, 0.5))
    axis = torch.linspace(-8, 8, 201)
    x = torch.cartesian_prod(axis, axis)
    Q = obstacle(x, x[:, 0])[0]
    assert float(Q.sum()) * float(axis[1] - axis[0]) ** 2 == pytest.approx(50)
    torch.testing.assert_close(obstacle(torch.cat([x, 9 * x], 1), x[:, 0])[0], Q)


@pytest.mark.parametrize(
    "part",
    [
        lambda: Entropy(0.3),
        lambda: GaussianObstacle(5.0),
        lambda: QuadraticCost(2.0, 0.4),
        lambda: Congestion(0.7, 0.5),
        lambda: Congestion(2.0, 3.0),
    ],
)
def test_the_variation_is_the_derivative_of_the_functional(part):
    """F(rho + e (r - rho)) has the slope int dF (r - rho) at e = 0, for two mixtures of the same two Gaussians."""
    axis = torch.linspace(-6, 6, 161)
    x, cell = torch.cartesian_prod(axis, axis), float(axis[1] - axis[0]) ** 2
    part = part()
    one, two = (Gaussian(mean, 0.5).log_density(x).exp() for mean in ([0.0, 1.0], [1.0, -0.5]))

    def functional(e):
        rho = one + e * (two - one)
        f, variation = part(x, rho.clamp_min(1e-300).log())
        return (f * rho).sum() * cell, (variation * (two - one)).sum() * cell

    h = 1e-5
    slope = (functional(0.5 + h)[0] - functional(0.5 - h)[0]) / (2 * h)
    torch.testing.assert_close(slope, functional(0.5)[1], rtol=1e-6, atol=1e-8)


def test_a_game_of_ones_own_in_a_few_lines():
    samples = torch.randn(300, 2)
    game = Game(
        initial=GaussianMixture.from_samples(samples),
        target=Gaussian([3.0, 0.0], 0.5),
        interactions=[ExternalCost(lambda x: torch.relu(1 - x.norm(dim=1)))],
        alpha=Alpha(terminal=2.0, hjb_path=0.0),
    )
    f, variation = game.running(samples, torch.zeros(300))
    assert float(f.max()) > 0
    assert torch.equal(f, variation)
    assert game.initial.log_density(samples).isfinite().all()


def test_the_mean_of_the_terminal_cost_is_the_divergence():
    game = Game(Gaussian([0.0], 1.0), Gaussian([1.0], 0.25))
    x = game.initial.sobol(2**14)
    g, variation = game.terminal(x, game.initial.log_density(x))
    rho = torch.distributions.Normal(0.0, 1.0), torch.distributions.Normal(1.0, 0.5)
    torch.testing.assert_close(g.mean(), torch.distributions.kl_divergence(*rho), rtol=1e-3, atol=0)
    torch.testing.assert_close(variation, g + 1)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: crowd_motion(1), "d must be at least 2, not 1"),
        (lambda: optimal_transport(1), "d must be at least 2, not 1"),
        (lambda: Game(Gaussian([0.0], 1.0), Gaussian([0.0], 1.0), [GaussianObstacle(1.0)]), "needs d >= 2"),
        (lambda: Game(Gaussian([0.0], 1.0), Gaussian([0.0, 0.0], 1.0)), "rho_0 lives in 1 dimensions, rho_1 in 2"),
        (
            lambda: Game(Gaussian([0.0], 1.0), Gaussian([0.0], 1.0), (), Alpha(transport=0.0)),
            "alpha_1 must be positive",
        ),
        (
            lambda: Game(Gaussian([0.0], 1.0), Gaussian([0.0], 1.0), (), Alpha(hjb_final=-1.0)),
            "no other weight negative",
        ),
        (lambda: GaussianObstacle(1.0, variances=(1.0, 0.0)), "must be positive"),
        (lambda: Entropy(-0.5), "entropy must be positive, not -0.5"),
        (lambda: Entropy(0.0), "entropy must be positive, not 0"),
        (lambda: Entropy(float("nan")), "entropy must be positive, not nan"),
    ],
)
def test_bad_input_is_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
