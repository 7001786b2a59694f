"""What is called a truth has the order of its method, and the solutions that are known."""

import math

import numpy as np
import pytest

from pdebridge.datasets.evolution import burgers, front, heat, integrate, kuramoto_sivashinsky, waves


@pytest.mark.parametrize("equation", [kuramoto_sivashinsky(), burgers(), front()], ids=["ks", "burgers", "front"])
def test_the_order_is_four(equation):
    u = waves(np.random.default_rng(0), 2, 64, modes=3)
    u = u if "u u_x" in equation.coefficients else 0.5 + 0.4 * np.tanh(u)  # a front keeps above 0
    finest, *others = (integrate(equation, u, 22.0, 1.0, 2, steps)[:, 1] for steps in (1280, 40, 80, 160))
    errors = [np.abs(v - finest).max() for v in others]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert orders[-1] == pytest.approx(4, abs=0.3)


def test_heat_decays_and_moves_as_it_must():
    x = 2 * math.pi * np.arange(64) / 64
    v = integrate(heat(0.2, 0.5), np.cos(3 * x)[None], 2 * math.pi, 0.7, 2, 1)[0, 1]
    assert np.allclose(v, math.exp(-0.2 * 9 * 0.7) * np.cos(3 * (x - 0.5 * 0.7)), atol=1e-13)


def test_burgers_is_the_logarithmic_derivative_of_heat():
    nu, t, x = 0.5, 0.6, 2 * math.pi * np.arange(128) / 128

    def cole_hopf(t):  # u = -2 nu phi_x / phi with phi = 2 + exp(-nu t) cos x
        decay = math.exp(-nu * t)
        return 2 * nu * decay * np.sin(x) / (2 + decay * np.cos(x))

    v = integrate(burgers(nu), cole_hopf(0)[None], 2 * math.pi, t, 2, 100)[0, 1]
    assert np.abs(v - cole_hopf(t)).max() < 1e-9


def test_what_is_skipped_is_not_kept():
    u = waves(np.random.default_rng(1), 1, 32)
    whole = integrate(kuramoto_sivashinsky(), u, 22.0, 0.25, 8, 5)
    assert np.array_equal(integrate(kuramoto_sivashinsky(), u, 22.0, 0.25, 5, 5, skip=3), whole[:, 3:])
