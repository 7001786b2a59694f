"""The exact solution is recognised from the game, and refused where there is none."""

import pytest

from pdebridge.meanfield.closed_forms import GaussianTransport, LinearQuadratic
from pdebridge.meanfield.exact import exact_solution
from pdebridge.meanfield.games import crowd_motion, gaussian, gaussian_transport, linear_quadratic, optimal_transport


def test_gaussian_transport():
    assert exact_solution(gaussian(3)) == GaussianTransport(3, 1.0, 1.0, -1.0, 0.5, 2.0, 5.0)


def test_linear_quadratic():
    expected = LinearQuadratic(2, 1.5, 0.8, -1.0, 0.5, 2.0, 0.4, 0.3, 1.0, 5.0)
    found = exact_solution(linear_quadratic(2))
    assert isinstance(found, LinearQuadratic)
    assert found.costs() == pytest.approx(expected.costs(), rel=1e-6)  # buffers are in single precision


@pytest.mark.parametrize(
    ("game", "why"),
    [
        (optimal_transport(2), "equal, independent coordinates"),
        (crowd_motion(2), "equal, independent coordinates"),
        (gaussian_transport([0.0, 1.0], 1.0, [0.0, 1.0], 1.0), "equal, independent coordinates"),
    ],
)
def test_other_games_have_none(game, why):
    with pytest.raises(ValueError, match=why):
        exact_solution(game)
