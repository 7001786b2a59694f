import numpy as np
import ot
import pytest

from pdebridge.meanfield.closed_forms import GaussianTransport
from pdebridge.meanfield.games import Alpha, crowd_motion, gaussian_transport, optimal_transport
from pdebridge.meshes.grid import Grid
from pdebridge.meshes.transport import EIGHT_GAUSSIANS, EntropicTransport, extrapolate


def square(half, n):
    return Grid((-half, -half), (half, half), (n, n))


def test_the_value_of_a_gaussian_transport():
    exact = GaussianTransport(2, 1.0, 1.0, -1.0, 0.5, alpha1=2.0, weight=5.0)
    game = gaussian_transport([1.0, 1.0], 1.0, [-1.0, -1.0], 0.25, Alpha(2.0))
    plans = EntropicTransport(game, square(5.0, 32)).solve((1.0, 0.3, 0.1, 0.05))
    assert plans[-1].bound < plans[-1].value
    assert extrapolate(plans) == pytest.approx(exact.costs().value, rel=1e-2)
    mean, std = exact.final
    x, mass = square(5.0, 32).axis(0), plans[-1].density.sum(1) / plans[-1].density.sum()
    assert mass @ x == pytest.approx(mean, abs=0.01)
    assert np.sqrt(mass @ (x - mean) ** 2) == pytest.approx(std, rel=0.05)


def test_map_and_potential_of_a_gaussian_transport():
    exact = GaussianTransport(2, 1.0, 1.0, -1.0, 0.5, alpha1=2.0, weight=5.0)
    game = gaussian_transport([1.0, 1.0], 1.0, [-1.0, -1.0], 0.25, Alpha(2.0))
    grid = square(5.0, 32)
    plan = EntropicTransport(game, grid).solve((1.0, 0.3, 0.1))[-1]
    near = np.abs(grid.axis(0) - 1) < 1
    mean, std = exact.final
    moved = mean + std * (grid.axis(0) - 1)
    assert np.allclose(plan.image[:, :, 0][near][:, near], moved[near][:, None], atol=0.03)
    assert np.allclose(plan.image[:, :, 1][near][:, near], moved[near], atol=0.03)
    slope = np.gradient(plan.potential, grid.axis(0), axis=0)[near][:, near]
    p, q, _ = exact.coefficients(0.0)
    assert np.allclose(slope, (p * grid.axis(0) + q)[near][:, None], atol=0.15)


def test_two_coarse_grids_lead_to_the_cost_of_eight_gaussians():
    """Between the bound and the value on two grids, and of second order in the cells' size."""
    middle = []
    for n in (20, 28):
        plan = EntropicTransport(optimal_transport(2), square(5.5, n)).solve((1.0, 0.3, 0.1, 0.05, 0.02))[-1]
        assert plan.bound < plan.value < plan.bound + 0.02
        middle.append((plan.bound + plan.value) / 2)
    assert (1.96 * middle[1] - middle[0]) / 0.96 == pytest.approx(EIGHT_GAUSSIANS, abs=0.02)


def test_the_plan_is_the_one_of_an_independent_solver():
    game, grid, epsilon = optimal_transport(2), square(5.5, 8), 1.0
    plan = EntropicTransport(game, grid).solve((epsilon,), sweeps=2000, tolerance=1e-12)[0]
    a, b = ((grid.discretise(rho) * grid.area).ravel() for rho in (game.initial, game.target))
    x = grid.centers()
    C = ((x[:, None] - x) ** 2).sum(2)  # alpha_1 = 2
    P = ot.unbalanced.sinkhorn_unbalanced(
        a, b, C, epsilon, (np.inf, 5.0), method="sinkhorn_stabilized", reg_type="kl", numItermax=20000, stopThr=1e-14
    )
    assert (P * C).sum() == pytest.approx(plan.transport, rel=1e-6)
    assert np.allclose(P.sum(0), plan.density.ravel() * grid.area, atol=1e-8)


def test_a_game_that_is_no_transport_is_refused():
    for game in (crowd_motion(2), optimal_transport(3)):
        with pytest.raises(ValueError, match="in the plane without interactions"):
            EntropicTransport(game, square(5.5, 8))


def test_an_empty_grid_is_refused():
    with pytest.raises(ValueError, match="at least 2 x 2 cells"):
        square(1.0, 1)
    with pytest.raises(ValueError, match="low < high"):
        square(-1.0, 4)
