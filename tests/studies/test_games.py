"""A solved game certifies itself, a badly solved one does not; the pictures show the flow that was computed."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pdebridge.meanfield.exact import exact_solution
from pdebridge.meanfield.games import crowd_motion, gaussian
from pdebridge.meanfield.potential import Potential
from pdebridge.studies.games import RESOLUTION, TIMES, certified, picture

BUDGET = {"samples": 512, "starts": 4, "iterations": 20}


def solved(game, potential):
    return SimpleNamespace(game=game, potential=potential)


def test_the_exact_solution_has_no_gap_and_no_residual():
    game = gaussian(2)
    optimum = exact_solution(game).costs().value
    found = certified(solved(game, exact_solution(game)), optimum, BUDGET)
    assert abs(found["certificate/gap"]) < 4 * found["certificate/error"] + 1e-3
    assert found["certificate/bound"] == pytest.approx(optimum, rel=1e-3)
    assert max(value for name, value in found.items() if name.startswith("hjb/")) < 1e-3


def test_an_untrained_potential_has_both():
    torch.manual_seed(0)
    found = certified(solved(gaussian(2), Potential(2, 8).requires_grad_(False)), 99.0, BUDGET)
    assert found["certificate/gap"] > 10 * found["certificate/error"]
    assert found["hjb/on-99"] > found["hjb/on-50"] > 1e-3


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


def test_only_two_dimensions_have_a_plane_of_densities():
    torch.manual_seed(0)
    arrays = picture(solved(crowd_motion(3), Potential(3, 8).requires_grad_(False)))
    assert arrays.keys() == {"paths", "d"}
