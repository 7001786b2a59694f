"""A solved game certifies itself, a badly solved one does not; the pictures show the flow that was computed."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pdebridge.meanfield.certificate import Certificate
from pdebridge.meanfield.crowds import together
from pdebridge.meanfield.exact import exact_solution
from pdebridge.meanfield.games import Game, crowd_motion, gaussian
from pdebridge.meanfield.interactions import GaussianObstacle
from pdebridge.meanfield.potential import Potential
from pdebridge.meanfield.separable import separable
from pdebridge.studies.games import RESOLUTION, TIMES, certified, of_cost, picture
from pdebridge.training.games import Solved

BUDGET = {"samples": 512, "starts": 4, "iterations": 20}


def solved(game, potential):
    return SimpleNamespace(game=game, potential=potential)


def test_the_exact_solution_has_a_small_gap_above_its_proved_bound_and_no_residual():
    game = gaussian(2)
    optimum = exact_solution(game).costs().value
    found = certified(solved(game, exact_solution(game)), optimum, 2**14, BUDGET)
    assert found["certificate/proof"] == 2
    assert found["certificate/bound"] == pytest.approx(optimum, rel=1e-9)
    assert 0 < found["certificate/gap"] < 4 * found["certificate/error"]
    assert max(value for name, value in found.items() if name.startswith("hjb/")) < 1e-3


def test_an_untrained_potential_has_both():
    torch.manual_seed(0)
    found = certified(solved(gaussian(2), Potential(2, 8).requires_grad_(False)), 99.0, 2**14, BUDGET)
    assert found["certificate/gap"] > 10 * found["certificate/error"]
    assert found["hjb/on-99"] > found["hjb/on-50"] > 1e-3


def test_the_word_decides_what_is_reported():
    estimated = Certificate("estimated", "", primal=11.0, primal_error=0.2, bound=9.0, gap=0.5, standard_error=0.1)
    assert of_cost(estimated, 10.0, 0.01) == {
        "certificate/proof": 1,
        "certificate/bound": pytest.approx(9.48),
        "certificate/gap": 0.5,
        "certificate/error": 0.1,
    }
    found = of_cost(replace(estimated, proof="proved"), 10.0, 0.01)
    assert (found["certificate/bound"], found["certificate/gap"]) == (9.0, pytest.approx(1.02))
    assert of_cost(replace(estimated, proof="none"), 10.0, 0.01) == {"certificate/proof": 0}


def test_densities_have_mass_one_and_the_moments_of_the_solution():
    game = gaussian(2)
    exact = exact_solution(game)
    arrays = picture(solved(game, exact))
    cell = np.diff(arrays["axes"])[:, 0].prod()
    assert arrays["density"].shape == (len(TIMES), RESOLUTION, RESOLUTION)
    for rho, t in zip(arrays["density"], TIMES, strict=True):
        assert rho.sum() * cell == pytest.approx(1, abs=0.02)
        mean = (rho.sum(0) * arrays["axes"][0]).sum() * cell
        assert mean == pytest.approx(exact.moments(t)[0], abs=0.03)
    assert arrays["paths"].shape[2] == 2
    assert arrays["obstacle"].max() == 0


def test_each_of_several_crowds_has_its_own_density_and_the_common_obstacle():
    torch.manual_seed(0)
    wall = [GaussianObstacle(3.0, (0.0, 0.0), (0.4, 0.6))]
    apart = [crowd_motion(2), gaussian(2, -1.0, 1.0, 1.0, 0.5, crowd_motion(2).alpha)]
    game = together([Game(one.initial, one.target, wall, one.alpha) for one in apart], 1.0, 0.5)
    potential = separable(Potential(4, 8, spread=0.3), 2).requires_grad_(False)
    arrays = picture(Solved(None, 0, game, potential))
    assert arrays["d"] == 2
    assert arrays["crowds"].shape == (2, len(TIMES), RESOLUTION, RESOLUTION)
    np.testing.assert_allclose(arrays["density"], arrays["crowds"].sum(0), rtol=1e-6)
    cell = np.diff(arrays["axes"])[:, 0].prod()
    assert arrays["crowds"].sum((2, 3)) * cell == pytest.approx(1, abs=0.05)
    first = arrays["crowds"][0, 0].sum(1) @ arrays["axes"][1] * cell
    assert first == pytest.approx(3.0, abs=0.1)
    assert arrays["obstacle"].max() == pytest.approx(wall[0].height, rel=0.01)


def test_only_two_dimensions_have_a_plane_of_densities():
    torch.manual_seed(0)
    arrays = picture(solved(crowd_motion(3), Potential(3, 8).requires_grad_(False)))
    assert arrays.keys() == {"paths", "d"}
