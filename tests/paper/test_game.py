"""The figure of a game is drawn for one dimension and for several, with and without an obstacle."""

import numpy as np
import pytest

from pdebridge.paper import gallery
from pdebridge.paper.game import draw


def arrays(cells, obstacle):
    axis = np.linspace(-1, 1, 20)
    paths = np.random.default_rng(0).normal(size=(5, 8, 2))
    found = {f"d{d}/d": np.array(d) for d in cells} | {f"d{d}/paths": paths for d in cells}
    plane = {
        "axes": np.stack([axis, axis]),
        "times": np.linspace(0, 1, 5),
        "density": np.ones((5, 20, 20)) * axis**2,
        "potential": np.ones((2, 20, 20)) * axis,
        "obstacle": obstacle * np.ones((1, 20, 20)) * axis**2,
    }
    return found | {f"d2/{name}": array for name, array in plane.items()}


@pytest.mark.parametrize(("cells", "obstacle"), [((2,), 0.0), ((2, 10, 50, 100), 11.0)])
def test_it_is_a_picture(cells, obstacle, tmp_path):
    draw(arrays(cells, obstacle), tmp_path / "game")
    assert (tmp_path / "game.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "game.pdf").stat().st_size > 10_000


def test_the_gallery_has_a_row_for_every_game_of_the_plane(tmp_path):
    one, moving = arrays((2,), 0.0), arrays((2,), 9.0)
    moving = {name.replace("d2/", "cart/"): array for name, array in moving.items()}
    moving["cart/obstacle"] = np.concatenate([k * moving["cart/obstacle"] for k in range(5)])
    moving["cart/crowds"] = np.stack([moving["cart/density"], moving["cart/density"][:, ::-1]])
    beyond = {name: array for name, array in arrays((2, 10), 0.0).items() if name.startswith("d10/")}
    gallery.draw(one | moving | beyond, tmp_path / "gallery")
    assert (tmp_path / "gallery.png").stat().st_size > 20_000
    with pytest.raises(ValueError, match="no game of the plane"):
        gallery.draw(beyond, tmp_path / "gallery")
