import numpy as np
import pytest
import torch

from pdebridge.meanfield.closed_forms import GaussianTransport, LinearQuadratic
from pdebridge.meanfield.densities import Gaussian
from pdebridge.meanfield.games import Alpha, crowd_motion, gaussian_transport, linear_quadratic
from pdebridge.meshes.crowd import CrowdOnMesh
from pdebridge.meshes.grid import Grid
from pdebridge.meshes.upwind import mesh_velocity, minmod, network_velocity, transport

CURVED = LinearQuadratic(2, 1.5, 0.8, -1.0, 0.5, k=2.0, center=0.4, entropy=0.3, alpha1=1.0, weight=5.0)
STRAIGHT = GaussianTransport(2, 1.0, 1.0, -1.0, 0.5, alpha1=2.0, weight=5.0)


def test_costs_of_an_exact_velocity_converge_at_second_order():
    game, errors = linear_quadratic(2), []
    for n, steps in ((32, 100), (64, 200)):
        grid = Grid((-3.5, -3.5), (4.5, 4.5), (n, n))
        found = transport(game, grid, network_velocity(game, CURVED), steps)
        errors.append(found.value - CURVED.costs().value)
    assert abs(errors[1]) < 0.02 * CURVED.costs().value
    assert np.log2(abs(errors[0] / errors[1])) > 1.4


def test_the_density_of_an_exact_velocity():
    game = gaussian_transport([1.0, 1.0], 1.0, [-1.0, -1.0], 0.25, Alpha(2.0))
    grid = Grid((-4.0, -4.0), (5.0, 5.0), (72, 72))
    found = transport(game, grid, network_velocity(game, STRAIGHT), 200, snapshots=3)
    assert found.rho.shape == (3, 72, 72)
    for t, rho in zip((0.0, 0.5, 1.0), found.rho, strict=True):
        mean, std = STRAIGHT.moments(t)
        exact = grid.discretise(Gaussian([mean, mean], std**2))
        assert np.abs(rho - exact).sum() * grid.area < 0.06
        assert rho.sum() * grid.area == pytest.approx(1, abs=1e-12)
        assert rho.min() >= -1e-12


def test_a_mesh_solution_costs_what_it_says():
    game, grid = crowd_motion(2), Grid((-3.0, -4.5), (3.0, 4.5), (16, 24))
    found = CrowdOnMesh(game, grid, 8).solve(600)
    moved = transport(game, Grid((-3.0, -4.5), (3.0, 4.5), (48, 72)), mesh_velocity(game, found), 400)
    assert moved.transport == pytest.approx(found.transport, rel=0.05)
    assert moved.running == pytest.approx(found.running, rel=0.05)
    assert moved.value == pytest.approx(found.value, rel=0.15)


def test_minmod():
    assert minmod(np.array([1.0, -2.0, 1.0, 0.0]), np.array([2.0, -1.0, -1.0, 1.0])).tolist() == [1.0, -1.0, 0.0, 0.0]


def test_too_long_a_step_is_refused():
    game, grid = crowd_motion(2), Grid((-3.0, -4.5), (3.0, 4.5), (16, 24))
    with pytest.raises(ValueError, match="at most 0.5"):
        transport(game, grid, lambda t, x: np.full_like(x, 9.0), 8, snapshots=2)
    with pytest.raises(ValueError, match="10 steps cannot be divided into 4"):
        transport(game, grid, lambda t, x: np.zeros_like(x), 10)


def test_single_precision_networks_are_served():
    game = crowd_motion(2).float()
    velocity = network_velocity(game, LinearQuadratic(2, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.1, 1.0, 1.0))
    assert velocity(0.5, np.zeros((3, 2))).dtype == np.float64
    assert torch.get_default_dtype() == torch.float64
