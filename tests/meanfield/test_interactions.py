"""Costs of the place, of the time and of the density: derivatives, variations, tangents."""

import pytest
import torch

from pdebridge.meanfield.certificate import certify
from pdebridge.meanfield.densities import Gaussian, GaussianMixture
from pdebridge.meanfield.games import Game
from pdebridge.meanfield.interactions import Congestion, Entropy, GaussianObstacle, Moving, QuadraticCost
from pdebridge.meanfield.normals import Normals
from pdebridge.meanfield.objective import objective
from pdebridge.meanfield.picture import Picture
from pdebridge.meanfield.potential import Potential

MAZE = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.5, 0.0]])


def parts():
    return [
        Moving(GaussianObstacle(5.0, (0.0, -1.0), (0.4, 0.6)), [0.0, 2.0]),
        Moving(QuadraticCost(0.5, 0.2), [1.0]),
        Picture(MAZE, (-2.0, -1.5), (2.0, 1.5), height=3.0),
        Congestion(0.7, 1.5),
    ]


@pytest.mark.parametrize("k", range(4))
@pytest.mark.parametrize("t", [0.0, 0.3])
def test_derivatives_are_those_of_the_values(k, t):
    part = parts()[k]
    x = torch.randn(6, 3).requires_grad_()
    log_rho = torch.randn(6).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, log_rho: part.at(x, log_rho, t), (x, log_rho))


@pytest.mark.parametrize("make", [lambda: Congestion(0.7, 0.5), lambda: Congestion(2.0, 2.0), lambda: Entropy(0.3)])
def test_a_functional_lies_above_its_tangent_and_touches_it(make):
    """``F(rho) >= int b rho`` for every density and every normal one; equal where both are the same."""
    part, x = make(), torch.cartesian_prod(*[torch.linspace(-9, 9, 361)] * 2)
    area = (18 / 360) ** 2
    normal = Gaussian([0.3, -0.2], [[0.8, 0.3], [0.3, 1.1]])
    r = Normals.with_moments(normal.means[None], torch.tensor([[[0.8, 0.3], [0.3, 1.1]]]))
    torch.testing.assert_close(r.log_density(x[None])[0], normal.log_density(x))

    def gap(density):
        log_rho = density.log_density(x)
        rho = log_rho.exp() * area
        return float((rho * part(x, log_rho)[0]).sum() - (rho * part.below(x[None], r, torch.zeros(1, 1))[0]).sum())

    assert gap(normal) == pytest.approx(0, abs=1e-6)
    for density in (Gaussian([1.0, 1.0], 0.4), GaussianMixture([[-1.0, 0.0], [2.0, 0.0]], 0.5)):
        assert gap(density) > 1e-3


def test_what_moves_is_where_it_has_gone():
    still = GaussianObstacle(5.0, (0.0, -1.0), (0.4, 0.6))
    part, x = Moving(still, [0.0, 2.0]), torch.randn(8, 3)
    expected = still.cost(x - 0.25 * torch.tensor([0.0, 2.0, 0.0]))
    torch.testing.assert_close(part.at(x, torch.zeros(8), 0.25), (expected, expected))
    times = torch.linspace(0, 1, 8)
    each = torch.cat([part.cost(x[i : i + 1], float(t)) for i, t in enumerate(times)])
    torch.testing.assert_close(part.cost(x, times), each)
    assert part.least_d == 2


def test_the_objective_of_a_game_in_time_has_its_derivative(along_a_direction):
    """The hand-written adjoint against central differences in a random direction of all weights."""
    game = Game(Gaussian([0.0, 0.5], 0.4), Gaussian([1.0, 0.0], 0.4), parts())
    torch.manual_seed(1)
    phi, x = Potential(2, 6, spread=0.3), game.initial.sobol(32)
    slope, moved = along_a_direction(phi, lambda: objective(game, phi, x, 3).total)
    torch.testing.assert_close((moved(1e-5) - moved(-1e-5)) / 2e-5, slope, rtol=1e-6, atol=0)
    frozen = Game(game.initial, game.target, [part.part if isinstance(part, Moving) else part for part in parts()])
    assert not torch.isclose(objective(frozen, phi, x, 3).total, moved(0.0))


def test_a_picture_is_high_on_its_walls_and_flat_elsewhere():
    part = Picture(MAZE, (-2.0, -1.5), (2.0, 1.5), height=3.0, blur=0.02)
    x = torch.tensor([[-1.5, 1.0], [0.5, -1.0], [1.5, 1.0], [-1.5, -1.0], [-9.0, 9.0]])
    torch.testing.assert_close(part.cost(x), torch.tensor([3.0, 1.5, 0.0, 0.0, 3.0]), atol=1e-3, rtol=0)
    wide = Picture(MAZE, (-2.0, -1.5), (2.0, 1.5), height=3.0, blur=0.5)
    assert 0.2 < float(wide.cost(x)[0]) < 2.9
    assert part.cost(torch.randn(4, 5)).shape == (4,)


def test_congestion_and_motion_are_estimated_from_below():
    game = Game(Gaussian([0.0, 0.5], 0.4), Gaussian([1.0, 0.0], 0.4), parts())
    found = certify(game, Potential(2, 4), steps=8, samples=32, replicates=2, starts=2, iterations=10)
    assert found.proof == "estimated"
    assert found.bound < found.primal


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Congestion(-1.0), "must be positive, not -1 and 1"),
        (lambda: Congestion(1.0, 0.0), "must be positive, not 1 and 0"),
        (lambda: Picture(MAZE, (0.0, 0.0), (0.0, 1.0), 1.0), "corners low < high"),
        (lambda: Picture(2 * MAZE, (0.0, 0.0), (1.0, 1.0), 1.0), "numbers between 0 and 1"),
        (lambda: Picture(MAZE[0], (0.0, 0.0), (1.0, 1.0), 1.0), "a matrix"),
        (lambda: Picture(MAZE, (0.0, 0.0), (1.0, 1.0), 0.0), "must be positive, not 0"),
        (lambda: Picture(MAZE, (0.0, 0.0), (1.0, 1.0), 1.0, -1.0), "must be positive, not 1 and -1"),
    ],
)
def test_bad_input_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
