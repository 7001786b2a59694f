"""Round trips of the schemes that the study compares."""

import math

import pytest
import torch

from pdebridge.integrators.leapfrog import Leapfrog
from pdebridge.paper.reversal import draw
from pdebridge.studies import reversal as study
from pdebridge.studies.reversal import SCHEMES, digits, round_trip


@pytest.mark.parametrize("name", SCHEMES)
def test_small_steps_are_undone_to_rounding(name):
    error, amplification = round_trip(SCHEMES[name], 0.05, 0.1, 10, "float64", 0)
    assert 0 < error < 1e-13
    assert amplification == pytest.approx(1, abs=0.3)


def test_both_forms_of_leapfrog_are_the_same_map():
    torch.manual_seed(0)
    F = SCHEMES["leapfrog-tv"].build(0.2).double()
    theta = [torch.stack([w] * 5).unsqueeze(1).double() for w in F.initial().values()]
    u = torch.randn(1, 32, 6, 6, dtype=torch.float64)
    ends = []
    for step in (Leapfrog(), study.TwoLevelLeapfrog()):
        ends.append(study.advance(step, F, theta, step.start(u), 5, 0.7)[0])
    torch.testing.assert_close(*ends)


def test_the_velocity_form_keeps_more_digits():
    kept, lost = (
        digits(round_trip(SCHEMES[f"{form}-tv"], 0.05, 0.1, 100, "float32", 0)[0]) for form in ("leapfrog", "two-level")
    )
    assert kept > lost + 0.5


def test_low_precision_belongs_into_the_layer_and_not_into_the_state():
    mixed, states = (round_trip(SCHEMES["hamiltonian-tv"], 0.05, 0.1, 20, p, 0)[0] for p in ("mixed", "bfloat16"))
    assert mixed < states / 5


def test_digits_are_bounded():
    assert digits(1e-3) == pytest.approx(3)
    assert digits(0.0) == 16
    assert digits(math.inf) == digits(math.nan) == digits(1e30) == -6


def test_the_study_measures_every_row_and_is_drawn(monkeypatch, tmp_path):
    monkeypatch.setattr(study, "DEPTHS", (10, 100, 400))
    monkeypatch.setattr(study, "SEEDS", 1)
    monkeypatch.setattr(study, "round_trip", lambda scheme, sd, h, steps, precision, seed: (1e-16 * 2.0**steps, 2.0))
    result = study.reversal([])
    assert len(result.measurements) == len(study.ROWS) * 7
    draw(result.arrays, tmp_path / "reversal")
    assert (tmp_path / "reversal.png").stat().st_size > 20_000
