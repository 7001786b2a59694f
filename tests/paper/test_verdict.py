"""The verdict is the statistics that its module states."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student

from pdebridge.paper.published import PublishedNumber
from pdebridge.paper.verdict import interval, verdict

ROW = {
    "id": "x",
    "reference": "r",
    "locator": "Table 1",
    "experiment": "e",
    "cell": "c",
    "quantity": "test/accuracy",
    "value": 89.3,
    "unit": "%",
    "kind": "measured",
    "direction": "higher",
    "threshold": 0.5,
    "status": "confirmed",
    "scale": "laptop",
}


def number(**changes):
    return PublishedNumber.model_validate(ROW | changes)


@pytest.mark.parametrize(
    ("changes", "values", "scale", "expected"),
    [
        ({}, [89.1, 89.4, 89.2], "laptop", "reproduced"),
        ({}, [91.1, 91.4, 91.2], "laptop", "better"),
        ({}, [87.1, 87.4, 87.2], "laptop", "worse"),
        ({"direction": "lower"}, [91.1, 91.4, 91.2], "laptop", "worse"),
        ({"direction": "none"}, [91.1, 91.4, 91.2], "laptop", "differs"),
        # inside the prediction interval, but too far away to matter as equal
        ({}, [70.0, 90.0, 95.0], "laptop", "worse"),
        # near, but outside the prediction interval of seeds that hardly differ
        ({}, [89.10, 89.11, 89.10], "laptop", "worse"),
        ({}, [89.3, 89.3], "laptop", "too few seeds"),
        ({}, None, "laptop", "not run at this scale"),
        ({"scale": "cluster"}, [89.1, 89.4, 89.2], "laptop", "not run at this scale"),
        ({"scale": "cluster"}, [89.1, 89.4, 89.2], "cluster", "reproduced"),
        ({}, [89.1, 89.4, 89.2], "test", "not run at this scale"),
        ({"status": "unconfirmed"}, [89.1, 89.4, 89.2], "laptop", "source unconfirmed"),
        ({"kind": "count", "threshold": 0.0}, [89.3], "laptop", "reproduced"),
        ({"kind": "count", "threshold": 0.0}, [89.3], "test", "reproduced"),
        ({"kind": "count", "threshold": 0.0}, [89.4], "laptop", "differs"),
        ({"kind": "count", "threshold": 0.0}, [89.3, 89.4], "laptop", "differs"),
    ],
)
def test_verdicts(changes, values, scale, expected):
    assert verdict(number(**changes), values, scale) == expected


def test_intervals_are_students():
    values = [1.0, 2.0, 4.0, 7.0]
    ours, s = interval(values), np.std(values, ddof=1)
    half = student.ppf(0.975, 3) * s
    assert ours.high - ours.mean == pytest.approx(half / 2)
    assert ours.prediction_high - ours.mean == pytest.approx(half * math.sqrt(1.25))


def test_the_prediction_interval_covers_a_new_draw_95_times_in_100():
    draws = np.random.default_rng(0).normal(size=(4000, 6))
    inside = 0
    for *ours, new in draws:
        found = interval(ours)
        inside += found.prediction_low <= new <= found.prediction_high
    assert inside / len(draws) == pytest.approx(0.95, abs=0.012)


@given(st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=8), st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_the_verdict_does_not_depend_on_the_origin(values, value, shift):
    ours = interval(values)
    gaps = [value - ours.prediction_low, ours.prediction_high - value, abs(ours.mean - value) - 0.5, ours.mean - value]
    if min(map(abs, gaps)) < 1e-6:  # rounding may decide
        return
    moved = verdict(number(value=value + shift), [v + shift for v in values], "laptop")
    assert moved == verdict(number(value=value), values, "laptop")
