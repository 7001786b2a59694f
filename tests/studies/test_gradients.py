"""The reverse-time gradient fails where theory says so, and by as much as an independent implementation found.

The reference values were measured with SciPy's RK45 and with torchdiffeq's ``odeint_adjoint`` on fields of the same
kind, drawn otherwise; a factor of 2 covers the draw.
"""

import pytest

from pdebridge.studies.gradients import gradients

EXACT = {  # no draw: the same numbers
    "E1/lambda=50/rtol=1e-06": 5.9e11,
    "E1/lambda=100/rtol=1e-06": 2.9e33,
    "E1/lambda=100/rtol=1e-10": 5.4e29,
    "E2/rtol=0.001": 2.2e-2,
    "E2/rtol=1e-06": 1.2e-5,
    "E2/rtol=1e-09": 1.3e-8,
}
DRAWN = {
    "E4/forward-euler/N=2": 0.57,
    "E4/forward-euler/N=10": 0.12,
    "E4/forward-euler/N=50": 0.024,
    "E4/rk2/N=2": 0.13,
    "E4/rk2/N=10": 0.0045,
    "E4/rk4/N=2": 0.014,
    "E4/rk4/N=10": 1.3e-5,
    "E4/dopri5/rtol=0.001": 0.012,
    "E4/dopri5/rtol=1e-06": 6e-6,
    "E5/d=10/dopri5/rtol=1e-05": 0.010,
    "E5/d=10/dopri5/rtol=1e-07": 1.3e-4,
    "E5/d=20/dopri5/rtol=1e-05": 0.81,
    "E5/d=20/dopri5/rtol=1e-07": 0.31,
    "E5/d=20/rk4/N=50": 0.26,
    "E5/d=30/dopri5/rtol=1e-05": 0.73,
    "E5/d=30/dopri5/rtol=1e-07": 0.51,
    "E5/d=30/rk4/N=200": 0.53,
}


@pytest.fixture(scope="module")
def measured() -> dict[tuple[str, str], float]:
    return {(m.cell, m.quantity): m.values[0] for m in gradients().measurements}


@pytest.mark.parametrize(("cell", "value"), EXACT.items())
def test_states_are_lost_as_before(measured, cell: str, value: float) -> None:
    assert abs(measured[cell, "state/error"] / value - 1) < 0.06


def test_steps_of_the_solver(measured) -> None:
    for rtol, forward, backward in (("0.001", 12, 7), ("1e-06", 41, 36), ("1e-09", 153, 149)):
        assert measured[f"E2/rtol={rtol}", "steps/forward"] == forward
        assert measured[f"E2/rtol={rtol}", "steps/backward"] == backward
    assert abs(measured["E1/lambda=20/rtol=1e-06", "state/error"] - (1 - 0.976)) < 1e-3
    assert measured["E1/lambda=10/rtol=1e-06", "state/error"] < 1e-4


def test_unbounded_activations_lose_the_state_and_bounded_ones_do_not(measured) -> None:
    """Single draws scatter by a factor of 10, so only the sizes are compared."""
    for name in ("relu", "leaky relu", "softplus"):
        assert 0.01 < measured[f"E3/{name}/n=100", "state/error"] < 1
        assert measured[f"E3/{name}/n=200", "state/error"] > 0.8
    for n in (100, 200):
        assert measured[f"E3/tanh/n={n}", "state/error"] < 2e-5


@pytest.mark.parametrize(("cell", "value"), DRAWN.items())
def test_gradient_errors_within_a_factor_of_two(measured, cell: str, value: float) -> None:
    assert value / 2 < measured[cell, "gradient/error"] < 2 * value


def test_a_wrong_gradient_still_points_somewhere_else(measured) -> None:
    assert measured["E4/rk4/N=10", "gradient/cosine"] > 1 - 1e-9
    assert measured["E5/d=20/dopri5/rtol=1e-05", "gradient/cosine"] < 0.95
