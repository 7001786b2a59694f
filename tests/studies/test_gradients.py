"""The reverse-time gradient fails where theory says so, and by as much as an independent implementation found.

The reference values were measured with SciPy's RK45 and with torchdiffeq's ``odeint_adjoint`` on fields of the same
kind, drawn otherwise; a factor of 2 covers the draw.
"""

import pytest
import torch

from pdebridge.dynamics.base import Instant
from pdebridge.paper.gradients import draw
from pdebridge.studies import gradient_cost
from pdebridge.studies import gradients as study
from pdebridge.studies.curve import Curve, measurements
from pdebridge.studies.gradient_cost import STATE, Counted, measured, plain, ways

EXACT = {  # no draw: the same numbers
    "E1/rtol=1e-06/lambda=50": 5.9e11,
    "E1/rtol=1e-06/lambda=100": 2.9e33,
    "E1/rtol=1e-10/lambda=100": 5.4e29,
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
    "E5/dopri5/rtol=1e-05/d=10": 0.010,
    "E5/dopri5/rtol=1e-07/d=10": 1.3e-4,
    "E5/dopri5/rtol=1e-05/d=20": 0.81,
    "E5/dopri5/rtol=1e-07/d=20": 0.31,
    "E5/rk4/N=50/d=20": 0.26,
    "E5/dopri5/rtol=1e-05/d=30": 0.73,
    "E5/dopri5/rtol=1e-07/d=30": 0.51,
    "E5/rk4/N=200/d=30": 0.53,
}

SINGLE = {  # one draw each, of unknown seed
    "E3/relu": (0.038, 1.4),
    "E3/leaky-relu": (0.052, 1.3),
    "E3/softplus": (0.014, 0.86),
    "E3/tanh": (2e-7, 4e-6),
}


PARTS = ("scalar_decay", "random_fields", "undamped", "half_damped")


@pytest.fixture(scope="module")
def parts() -> dict[str, list[Curve]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "DECAYS", (10, 20, 50, 100))
        patch.setattr(study, "DAMPINGS", (10, 20, 30))
        return {name: getattr(study, name)() for name in PARTS}


@pytest.fixture(scope="module")
def errors(parts) -> dict[tuple[str, str], float]:
    curves = [study.scalar_relu(), *(curve for part in parts.values() for curve in part)]
    found = [m for curve in curves for m in measurements("gradients", curve)]
    return {(m.cell, m.quantity): m.values[0] for m in found}


@pytest.mark.parametrize(("cell", "value"), EXACT.items())
def test_states_are_lost_as_before(errors, cell: str, value: float) -> None:
    assert abs(errors[cell, "state/error"] / value - 1) < 0.06


def test_steps_of_the_solver(errors) -> None:
    for rtol, forward, backward in (("0.001", 12, 7), ("1e-06", 41, 36), ("1e-09", 153, 149)):
        assert errors[f"E2/rtol={rtol}", "steps/forward"] == forward
        assert errors[f"E2/rtol={rtol}", "steps/backward"] == backward
    assert abs(errors["E1/rtol=1e-06/lambda=20", "state/error"] - (1 - 0.976)) < 1e-3
    assert errors["E1/rtol=1e-06/lambda=10", "state/error"] < 1e-4


def test_unbounded_activations_lose_the_state_and_bounded_ones_do_not(errors) -> None:
    """Single draws scatter by a factor of 10, so only the sizes are compared."""
    for name in ("relu", "leaky-relu", "softplus"):
        assert 0.01 < errors[f"E3/{name}/n=100", "state/error"] < 1
        assert errors[f"E3/{name}/n=200", "state/error"] > 0.8
    for n in (100, 200):
        assert errors[f"E3/tanh/n={n}", "state/error"] < 2e-5


@pytest.mark.parametrize(("cell", "values"), SINGLE.items())
def test_another_draw_is_near_the_range_of_ours(errors, cell: str, values: tuple[float, float]) -> None:
    for n, value in zip((100, 200), values, strict=True):
        least, greatest = (errors[f"{cell}/n={n}", f"state/{which}"] for which in ("least", "greatest"))
        assert least / 5 < value < 5 * greatest


@pytest.mark.parametrize(("cell", "value"), DRAWN.items())
def test_gradient_errors_within_a_factor_of_two(errors, cell: str, value: float) -> None:
    assert value / 2 < errors[cell, "gradient/error"] < 2 * value


def test_a_wrong_gradient_still_points_somewhere_else(errors) -> None:
    assert errors["E4/rk4/N=10", "gradient/cosine"] > 1 - 1e-9
    assert errors["E5/dopri5/rtol=1e-05/d=20", "gradient/cosine"] < 0.95


@pytest.mark.parametrize("name", ways())
def test_every_mode_costs_what_its_formula_says(name: str) -> None:
    """The work exactly; the memory but for what the loss and single operations hold, however many steps there are."""
    for figures in (measured(name, 8), measured(name, 22)):
        assert -2 <= (figures["bytes"] - figures["formula/bytes"]) / STATE <= 3.1
        assert figures["work"] == pytest.approx(figures["formula/work"], rel=1e-12)


def test_work_counts_what_autograd_pulls() -> None:
    F = Counted(2)
    theta = [w.requires_grad_() for w in F.initial().values()]
    F(torch.randn(3, 2), theta, Instant(0, 0.0, 1.0)).sum().backward()
    assert (F.evaluations, F.pulled, F.work) == (1, 1, 3)


def test_binomial_checkpointing_takes_the_tabulated_steps() -> None:
    assert plain(40, 4) == {"steps/forward": 104} and plain(100, 8) == {"steps/forward": 245}


def test_the_study_and_its_figure(parts, monkeypatch, tmp_path) -> None:
    for name, curves in parts.items():
        monkeypatch.setattr(study, name, lambda curves=curves: curves)
    monkeypatch.setattr(gradient_cost, "STEPS", (8, 9))
    monkeypatch.setattr(gradient_cost, "SCHEDULES", {1024: (32,)})
    result = study.gradients([])
    assert {m.cell for m in result.measurements} > {"mode/replay/N=8", "revolve/c=32/N=1024", "E2/rtol=0.001"}
    draw(result.arrays, tmp_path / "gradients")
    assert (tmp_path / "gradients.png").stat().st_size > 50_000
