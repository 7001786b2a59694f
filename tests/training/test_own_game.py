"""Games that a configuration spells out: obstacles, a picture, congestion, what moves; each mistake names its key."""

import numpy as np
import pytest
import torch
from matplotlib.image import imsave

from pdebridge.configuration.load import cells, read_experiment, settings_from
from pdebridge.meanfield.interactions import Congestion, Entropy, GaussianObstacle, Moving, QuadraticCost
from pdebridge.meanfield.objective import objective
from pdebridge.meanfield.picture import Picture
from pdebridge.meanfield.potential import Potential
from pdebridge.training import games
from pdebridge.training.own_game import own_game, read_png

ENDS = {"initial": {"means": [[-1, 0]], "covariance": 0.3}, "target": {"means": [[1, 0]], "covariance": 0.3}}
WALLS = {"low": [-1, -1], "high": [1, 1], "height": 5}


def test_every_part_is_made_from_its_key():
    game = own_game(
        2,
        **ENDS,
        obstacles=[{"mass": 2}, {"mass": 3, "center": [1, 0], "velocity": [0, 2]}],
        picture={**WALLS, "rows": ["#.", ".."]},
        attraction={"k": 1, "center": 0.5, "velocity": [1]},
        congestion={"weight": 2, "power": 1.5},
        entropy=0.1,
    )
    kinds = [GaussianObstacle, Moving, Picture, Moving, Congestion, Entropy]
    assert [type(part) for part in game.interactions] == kinds
    assert isinstance(game.interactions[3].part, QuadraticCost)
    assert objective(game, Potential(2, 4), game.initial.sobol(16), 2).total.isfinite()


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_png_is_white_where_it_is_free(channels, tmp_path):
    """The upper left is black; with a fourth channel the lower right is black and transparent."""
    pixels = np.ones((6, 8, channels))
    pixels[:3, :4, : min(3, channels)] = 0
    if channels == 4:
        pixels[3:, 4:] = 0
    imsave(tmp_path / "floor.png", pixels[:, :, 0] if channels == 1 else pixels, cmap="gray", vmin=0, vmax=1)
    dark = read_png(tmp_path / "floor.png")
    expected = torch.zeros(6, 8, dtype=torch.float64)
    expected[:3, :4] = 1
    torch.testing.assert_close(dark, expected, atol=0.01, rtol=0)
    game = own_game(2, **ENDS, picture={**WALLS, "file": str(tmp_path / "floor.png"), "blur": 0.05})
    Q = game.interactions[0].cost(torch.tensor([[-0.5, 0.5], [0.5, 0.5], [0.5, -0.5]]))
    torch.testing.assert_close(Q, torch.tensor([5.0, 0.0, 0.0]), atol=0.1, rtol=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"obstacles": [{"mass": 1}, {"mas": 1}]}, r"obstacles\[1\]: unknown .*did you mean 'mass'"),
        ({"obstacles": [{}]}, r"obstacles\[0\]: .*missing .*'mass'"),
        ({"obstacles": [{"mass": 1, "variances": [0, 1]}]}, r"obstacles\[0\]: the variances .* must be positive"),
        ({"picture": WALLS}, "picture: a picture needs either `rows` of text or a `file`"),
        ({"picture": {**WALLS, "rows": ["#.", "#"]}}, r"picture: rows of a picture must have one length, not \[2, 1\]"),
        ({"picture": {**WALLS, "file": "none.png"}}, "picture: .*none.png"),
        ({"congestion": {"weight": -1}}, "congestion: weight and power"),
        ({"attraction": {"k": 1, "centre": 0}}, "attraction: .*did you mean 'center'"),
    ],
)
def test_a_mistake_names_its_key(options, message):
    with pytest.raises(ValueError, match=message):
        own_game(2, **ENDS, **options)


def test_the_gallery_is_made_of_such_games():
    settings = settings_from({"scale": "workstation"}, "the test")
    found = [games.game(cell) for cell in cells(read_experiment("games-gallery"), settings)]
    assert len(found) == 5
    for game in found:
        terms = objective(game, Potential(game.d, 4), game.initial.sobol(32), 4)
        assert terms.total.isfinite()
        assert terms.running != 0
