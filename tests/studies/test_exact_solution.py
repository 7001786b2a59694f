"""The errors against an exact solution vanish for the exact solution, and are what a shift of it says."""

from types import SimpleNamespace

import pytest

from pdebridge.meanfield.exact import exact_solution
from pdebridge.meanfield.games import gaussian, linear_quadratic
from pdebridge.studies.exact_solution import errors


@pytest.mark.parametrize("game", [gaussian(2), linear_quadratic(2)], ids=["gaussian", "linear-quadratic"])
def test_the_exact_solution_has_no_error(game):
    found = errors(SimpleNamespace(game=game, potential=exact_solution(game)))
    assert abs(found["error/cost"]) < 0.5  # per cent; the points are finite
    assert found["error/velocity"] < 1e-3
    assert found["error/mean"] < 2e-3
    assert found["error/deviation"] < 2e-3
    assert found["exact/total"] == pytest.approx(found["exact/L"] + found["exact/F"] + found["exact/G"])


class Faster:
    """A solution whose velocity is too large by a tenth."""

    def __init__(self, solution):
        self.solution, self.d = solution, solution.d

    def __call__(self, x, t):
        return 1.1 * self.solution(x, t)

    def prepare(self):
        return lambda x, t: type(self.solution.derivatives(x, t))(*(1.1 * v for v in self.solution.derivatives(x, t)))


def test_a_wrong_velocity_is_measured():
    game = gaussian(2)
    found = errors(SimpleNamespace(game=game, potential=Faster(exact_solution(game))))
    assert found["error/velocity"] == pytest.approx(10, rel=1e-3)
    assert found["error/cost"] > 1
    assert found["error/mean"] > 0.05
