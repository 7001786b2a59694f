"""Costs of paths and descent on them; starts that owe nothing to the crowd."""

from dataclasses import replace

import pytest
import torch

from pdebridge.meanfield.closed_forms import GaussianTransport
from pdebridge.meanfield.games import Alpha, Game, crowd_motion, gaussian_transport, linear_quadratic
from pdebridge.meanfield.interactions import ExternalCost
from pdebridge.meanfield.paths import Lagrangian
from pdebridge.meanfield.potential import Potential
from pdebridge.meanfield.starts import Plane, active

STRAIGHT = GaussianTransport(d=3, mean0=1.0, std0=1.0, mean1=-1.0, std1=0.5, alpha1=2.0, weight=5.0)


def test_descent_finds_the_quadratic_minimum():
    """Without interactions and for a quadratic terminal cost, Hopf-Lax is the value function at time 0."""
    game = gaussian_transport([1.0] * 3, 1.0, [-1.0] * 3, 0.25, Alpha(2.0, 1.0, 5.0, 1.0, 1.0))
    x = torch.randn(20, 3)
    lagrangian = Lagrangian(game, STRAIGHT, torch.stack([x, x]))
    _, least, gained = lagrangian.descend(torch.stack([x, torch.zeros_like(x)]), 100)
    torch.testing.assert_close(least, STRAIGHT(x, 0.0), rtol=1e-8, atol=1e-8)
    assert gained.abs().max() < 1e-6
    _, early, gained = lagrangian.descend(torch.stack([x, torch.zeros_like(x)]), 4)
    assert (early - gained < early).all()


def test_the_cost_of_a_path_is_that_of_the_definition():
    game, phi = crowd_motion(2), Potential(2, 8, spread=0.3)
    crowd = torch.randn(4, 50, 2).cumsum(0)
    lagrangian = Lagrangian(game, phi, crowd)
    cost = lagrangian(crowd)
    expected = phi(crowd[-1], 1.0) + 1.5 * (crowd[1:] - crowd[:-1]).square().sum((0, 2))
    for k, weight in enumerate((1 / 6, 1 / 3, 1 / 3, 1 / 6)):
        points = crowd[k]
        moments = points.mean(0), points.T.cov(correction=0)
        log_r = torch.distributions.MultivariateNormal(*moments).log_prob(points)
        expected = expected + weight * game.running(points, log_r)[0]
        torch.testing.assert_close(lagrangian.at(k, points), game.running(points, log_r)[0])
    torch.testing.assert_close(cost, expected)


def test_the_slope_of_the_cost_is_its_derivative():
    lagrangian = Lagrangian(crowd_motion(3), Potential(3, 8, spread=0.3), torch.randn(5, 40, 3))
    paths = torch.randn(5, 2, 3).requires_grad_()
    assert torch.autograd.gradcheck(lagrangian, paths)


def test_the_coordinates_of_an_obstacle_are_found():
    generator = torch.Generator().manual_seed(0)
    crowd = torch.randn(3, 40, 5)
    phi = Potential(5, 4)
    assert active(Lagrangian(crowd_motion(5), phi, crowd), generator).tolist() == [0, 1]
    assert len(active(Lagrangian(linear_quadratic(5), phi, crowd), generator)) == 5
    still = gaussian_transport([0.0] * 5, 1.0, [0.0] * 5, 1.0)
    assert len(active(Lagrangian(still, phi, crowd), generator)) == 0


@pytest.mark.parametrize("axes", [[0], [0, 1]])
def test_the_grid_has_the_cheapest_of_all_paths(axes):
    """A quadratic terminal cost and none on the way: straight lines, with the value of Hopf and Lax."""
    base = gaussian_transport([1.0] * 2, 0.1, [-1.0] * 2, 0.25, Alpha(2.0, 1.0, 5.0, 1.0, 1.0))
    game = Game(base.initial, base.target, [ExternalCost(lambda x: 0 * x[:, 0])], base.alpha)
    solution = replace(STRAIGHT, d=2)
    own = base.initial.sobol(50).repeat(9, 1, 1)
    lagrangian = Lagrangian(game, solution, own)
    found = Plane(lagrangian, torch.tensor(axes), own[0].mean(0), 4.0).paths(own)
    torch.testing.assert_close(found[0], own[0])
    expected = own[0][:, axes] + (solution.push_forward(own[0], 1.0) - own[0])[:, axes]
    torch.testing.assert_close(found[-1][:, axes], expected, atol=0.15, rtol=0)
    middle = (found[0] + found[-1]) / 2
    torch.testing.assert_close(found[4][:, axes], middle[:, axes], atol=0.15, rtol=0)


def test_the_grid_goes_around_a_wall():
    """A wall with a door: the cheapest path on the grid passes the door, the straight line does not."""
    wall = ExternalCost(lambda x: 80 * (-(x[:, 0] ** 2)).exp() * (1 - (-4 * (x[:, 1] - 2) ** 2).exp()))
    base = gaussian_transport([-2.0, 0.0], 0.05, [2.0, 0.0], 0.05)
    game = Game(base.initial, base.target, [wall])
    phi = lambda x, t: 20 * (x - torch.tensor([2.0, 0.0])).square().sum(1)  # noqa: E731
    own = base.initial.sobol(20) + torch.linspace(0, 1, 17).view(-1, 1, 1) * torch.tensor([4.0, 0.0])
    lagrangian = Lagrangian(game, phi, own)
    found = Plane(lagrangian, torch.tensor([0, 1]), own[0].mean(0), 6.0).paths(own)
    at_wall = found[:, :, 0].abs().argmin(0)
    crossed = found[at_wall, torch.arange(20), 1]
    assert ((crossed - 2).abs() < 0.6).all()
    assert lagrangian(found).max() < lagrangian(own).min()


def test_a_step_on_the_grid_is_the_minimum_over_all_pairs_of_nodes():
    """The value of every node, and the node where it is attained, one axis after the other."""
    line, V = torch.linspace(-1, 1, 7), 5 * torch.rand(7, 7)
    pull = 3 * (line.unsqueeze(1) - line).square()
    plane = Plane.__new__(Plane)
    value, chosen = plane._step(V, pull)
    every = pull[:, None, :, None] + pull[None, :, None, :] + V
    torch.testing.assert_close(value, every.flatten(2).amin(2))
    nodes = torch.cartesian_prod(torch.arange(7), torch.arange(7))
    went = plane._follow(chosen, nodes)
    torch.testing.assert_close(every[tuple(nodes.T)][torch.arange(49), went[:, 0], went[:, 1]], value.flatten())
