"""A game that a configuration spells out has the terms of the same game made by hand."""

import pytest
import torch

from pdebridge.meanfield.games import optimal_transport
from pdebridge.training.own_game import own_game

WALL = "own_wall:wall"


@pytest.fixture(autouse=True)
def wall(tmp_path, monkeypatch):
    (tmp_path / "own_wall.py").write_text("def wall(x):\n    return 3 * (-(x**2).sum(1)).exp()\n")
    monkeypatch.syspath_prepend(tmp_path)


def test_densities_and_costs_are_those_of_the_parameters():
    given = {"means": [[1.0, 0.0], [-1.0, 0.5]], "covariance": 0.3, "weights": [0.25, 0.75]}
    game = own_game(2, given, {"means": [[0.0, 0.0]], "covariance": 1.0}, obstacle=WALL, entropy=0.5)
    x = torch.randn(7, 2, generator=torch.Generator().manual_seed(0))
    means = torch.tensor(given["means"])
    squares = (x[:, None] - means).square().sum(2) / (2 * 0.3)
    expected = (torch.tensor([0.25, 0.75]) * torch.exp(-squares)).sum(1).log() - torch.log(
        torch.tensor(2 * torch.pi * 0.3)
    )
    torch.testing.assert_close(game.initial.log_density(x), expected)
    external, entropy = game.interactions
    torch.testing.assert_close(external.Q(x), 3 * (-x.square().sum(1)).exp())
    assert entropy.weight == 0.5 and len(own_game(2, given, given).interactions) == 0


def test_the_built_in_game_spelled_out_is_the_same_game():
    built = optimal_transport(2)
    own = own_game(
        2,
        {"means": built.initial.means.tolist(), "covariance": 0.3},
        {"means": [[0.0, 0.0]], "covariance": 0.3},
    )
    x = torch.randn(5, 2, generator=torch.Generator().manual_seed(1))
    for a, b in ((built.initial, own.initial), (built.target, own.target)):
        torch.testing.assert_close(a.log_density(x), b.log_density(x))


def test_a_negative_entropy_and_a_density_of_another_dimension_are_refused():
    given = {"means": [[1.0, 0.0]], "covariance": 0.3}
    with pytest.raises(ValueError, match="must not be negative, not -1"):
        own_game(2, given, given, entropy=-1.0)
    with pytest.raises(ValueError, match="initial: it lives in 2 dimensions, the game in d = 3"):
        own_game(3, given, given)
