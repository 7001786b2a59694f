"""Residuals of the Hamilton-Jacobi-Bellman equation."""

from pdebridge.meanfield.closed_forms import LinearQuadratic
from pdebridge.meanfield.games import crowd_motion, linear_quadratic
from pdebridge.meanfield.potential import Potential
from pdebridge.meanfield.residuals import hjb_quantiles


def test_those_of_an_exact_solution_vanish_everywhere():
    solution = LinearQuadratic(2, 1.5, 0.8, -1.0, 0.5, k=2.0, center=0.4, entropy=0.3, alpha1=1.0, weight=5.0)
    quantiles = hjb_quantiles(linear_quadratic(2), solution, steps=32, samples=200)
    assert max(quantiles["on"]) < 1e-4
    assert max(quantiles["off"]) < 1e-2


def test_those_off_the_trajectories_are_found():
    quantiles = hjb_quantiles(crowd_motion(2), Potential(2, 8, spread=0.5), steps=4, samples=100)
    assert quantiles["off"] == sorted(quantiles["off"])
    assert quantiles["off"][1] > 0.1
