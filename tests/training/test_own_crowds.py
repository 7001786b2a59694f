"""Several crowds in YAML: what each has, what all share, and mistakes that name their crowd."""

import pytest
import torch

from pdebridge.meanfield.crowds import Apart
from pdebridge.meanfield.interactions import Entropy, GaussianObstacle
from pdebridge.meanfield.nonlocal_congestion import NonlocalCongestion
from pdebridge.training.own_crowds import own_crowds

ENDS = {"initial": {"means": [[-1, 0]], "covariance": 0.3}, "target": {"means": [[1, 0]], "covariance": 0.3}}
POST = [{"mass": 2.0}]


def test_a_key_of_a_crowd_stands_in_place_of_the_common_one():
    crowds = [ENDS, {**ENDS, "obstacles": [{"mass": 7.0}]}, {**ENDS, "obstacles": []}]
    game = own_crowds(2, crowds, {"weight": 3, "width": 0.5}, obstacles=POST, entropy=0.1)
    apart, _, congestion = game.interactions
    assert (game.d, game.crowds) == (6, 3)
    assert [type(part) for part in game.interactions] == [Apart, Entropy, NonlocalCongestion]
    x = torch.randn(4, 6)
    expected = GaussianObstacle(2.0).cost(x[:, :2]) + GaussianObstacle(7.0).cost(x[:, 2:4])
    torch.testing.assert_close(apart.cost(x), expected)
    assert (congestion.weight, congestion.width, congestion.crowds) == (3, 0.5, 3)
    assert not own_crowds(2, [ENDS, ENDS]).interactions


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"crowds": []}, "crowds: there must be at least one"),
        ({"crowds": [ENDS, {"initial": ENDS["initial"]}]}, r"crowds\[1\]: .*missing .*'target'"),
        ({"crowds": [{**ENDS, "picturs": {}}]}, r"crowds\[0\]: unknown .*did you mean 'picture'"),
        ({"crowds": [ENDS], "congestion": {"weight": 1, "breadth": 2}}, "congestion: unknown .*'breadth'"),
        ({"crowds": [ENDS], "congestion": {"weight": 1}}, "congestion: .*missing .*'width'"),
        ({"crowds": [ENDS], "congestion": {"weight": -1, "width": 1}}, "congestion: weight and width .*, not -1 and 1"),
        ({"crowds": [ENDS, {**ENDS, "entropy": 1.0}]}, "the same dimension, alpha and weight of the entropy"),
    ],
)
def test_a_mistake_names_its_crowd(options, message):
    with pytest.raises(ValueError, match=message):
        own_crowds(2, **options)
