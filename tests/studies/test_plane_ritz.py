"""The disc and the square as their authors sampled them; what is trained gets near, a dead network is told."""

import pytest
import torch

from pdebridge.meshes.deep_ritz import RitzNetwork
from pdebridge.studies.plane_ritz import (
    adaptive_angles,
    alive,
    beta,
    disc_points,
    disc_solution,
    errors,
    plane_ritz,
    small_weights,
    train_disc,
)


@pytest.mark.parametrize(("blocks", "count"), [(1, 231), (2, 451), (3, 671), (4, 891)])
def test_published_counts(blocks, count):
    assert sum(w.numel() for w in small_weights(blocks).parameters()) == count


def test_the_grid_and_the_weight_of_the_boundary():
    assert len(disc_points()) == 311
    assert beta(0) == 1
    assert beta(399) == pytest.approx(53.0, abs=0.1)
    assert beta(10_000) == 500


def test_angles_are_dense_where_the_network_is_large():
    network = RitzNetwork(2, 10, 1, "relu", positive=True)
    for w in network.parameters():
        w.data.zero_()
    assert len(adaptive_angles(network)) == 0
    network.output.bias.data.fill_(0.025)
    angles = adaptive_angles(network)
    assert len(angles) == 2 * 200
    assert torch.allclose(angles[:4], torch.tensor([0, 1, 1, 2]) * 2 * torch.pi / 199)
    assert torch.allclose(angles[-2:], torch.tensor([2 * torch.pi, 0.0]))  # the last arc goes all the way back
    network.output.weight.data[0, 0] = 1.0  # u = max(x_1 + 0.025, 0)
    assert bool((torch.cos(adaptive_angles(network)) > -0.05).float().mean() > 0.95)


def test_a_network_that_vanishes_is_drawn_again():
    torch.manual_seed(0)
    x = torch.rand(20, 2)
    drawn = [small_weights(1) for _ in range(20)]
    assert any(not network(x).any() for network in drawn)
    assert all(alive(lambda: small_weights(1), x)(x).any() for _ in range(20))


def test_errors_of_zero_and_of_the_solution():
    x = disc_points()
    zero = small_weights(1)
    zero.output.weight.data.zero_()
    assert errors(zero, x, disc_solution(x)).squared == pytest.approx(1)
    assert errors(zero, x, disc_solution(x)).quantities()["error/relative-l2"] == pytest.approx(100)


def test_the_disc_is_solved():
    assert min(train_disc(seed, 400).squared for seed in (1, 2)) < 0.05


def test_every_cell_is_measured():
    found = {(m.cell, m.quantity): m for m in plane_ritz([], range(2), {2: 3}, 3, 3).measurements}
    assert {cell for cell, _ in found} == {"disc", "disc-adaptive", "square-2"}
    for (_, quantity), measurement in found.items():
        assert len(measurement.values) == (1 if quantity == "dead" else 2)
