"""Learned flows follow the equation for some Lyapunov times, and what is measured of them is known of one mode."""

import numpy as np
import pytest

from pdebridge.datasets.evolution import kuramoto_sivashinsky, scaled_kuramoto_sivashinsky
from pdebridge.studies import attractor


def quantities(result, cell):
    return {m.quantity: m.values[0] for m in result.measurements if m.cell == cell}


def test_time_is_measured_by_the_exponent_and_trajectories_are_lost(trained):
    runs = [trained(f"identification/{cell}") for cell in ("linear", "five-taps", "heat")]
    result = attractor.attractor(runs, 60.0)
    good, coarse = (quantities(result, cell) for cell in ("linear", "five-taps"))
    assert not quantities(result, "heat")
    assert 0.025 < good["lyapunov/exponent"] < 0.075
    assert good["horizon"] > coarse["horizon"] > 0
    assert good["bounded"] == coarse["bounded"] == 1
    assert result.arrays["horizon/linear"][0] == 0


def test_a_mode_has_its_energy():
    x = 2 * np.pi * np.arange(32) / 32
    u = np.cos(3 * x)[None, None]
    assert attractor.energy(u)[3] == pytest.approx(0.25)
    assert attractor.steepness(u) == pytest.approx(np.mean(np.sin(3 * x) ** 2) * 9)


def test_the_two_forms_grow_alike_where_they_must():
    k = np.arange(4.0)
    assert scaled_kuramoto_sivashinsky(4.0).symbol(k) == pytest.approx(4 * kuramoto_sivashinsky().symbol(k))
