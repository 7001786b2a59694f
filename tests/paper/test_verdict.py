"""The verdict is the statistics that its module states."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student
from scipy.stats import ttest_ind_from_stats

from pdebridge.paper.operating import Case, rates
from pdebridge.paper.published import PublishedNumber
from pdebridge.paper.verdict import difference, interval, verdict, welch

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


def said(row, values, scale="laptop", epochs=math.nan):
    return verdict(row, interval(values) if values else None, values or [], scale, epochs)


@pytest.mark.parametrize(
    ("changes", "values", "scale", "expected"),
    [
        ({}, [89.1, 89.4, 89.2], "laptop", "reproduced"),
        ({}, [91.1, 91.4, 91.2], "laptop", "better"),
        ({}, [87.1, 87.4, 87.2], "laptop", "worse"),
        ({"direction": "lower"}, [91.1, 91.4, 91.2], "laptop", "worse"),
        ({"direction": "none"}, [91.1, 91.4, 91.2], "laptop", "worse"),
        ({}, [88.2, 88.9, 88.6], "laptop", "compatible"),
        # the three of the rule's specification: equal seeds, and a mean that is near by chance
        ({}, [89.3 + 1e-9] * 3, "laptop", "reproduced"),
        ({"value": 90}, [40.0, 90.4, 139.0], "laptop", "inconclusive"),
        ({}, [70.0, 90.0, 95.0], "laptop", "inconclusive"),
        # a significant difference that does not matter
        ({}, [89.10, 89.11, 89.10], "laptop", "reproduced"),
        ({}, [89.3, 89.3], "laptop", "inconclusive"),
        # one run of ours beside three of theirs with a printed spread
        ({"runs": 3, "spread": 0.05}, [89.4], "laptop", "reproduced"),
        ({"runs": 3, "spread": 0.05}, [87.4], "laptop", "worse"),
        ({}, [math.nan, 89.0, 89.0], "laptop", "failed"),
        ({}, [math.inf, 89.0, 89.0], "laptop", "failed"),
        ({"kind": "count"}, [math.nan], "laptop", "failed"),
        ({}, None, "laptop", "not run"),
        ({"scale": "cluster"}, [89.1, 89.4, 89.2], "laptop", "not run"),
        ({"scale": "cluster"}, [89.1, 89.4, 89.2], "cluster", "reproduced"),
        ({}, [89.1, 89.4, 89.2], "test", "not run"),
        ({"status": "unconfirmed"}, [89.1, 89.4, 89.2], "laptop", "source unconfirmed"),
        ({"kind": "count", "threshold": 0.0}, [89.3], "laptop", "reproduced"),
        ({"kind": "closed-form", "threshold": 0.0}, [89.3], "test", "reproduced"),
        ({"kind": "claim", "threshold": 0.0, "direction": "none"}, [89.4], "laptop", "worse"),
        ({"kind": "count", "threshold": 0.0, "direction": "none"}, [89.3, 89.4], "laptop", "worse"),
    ],
)
def test_verdicts(changes, values, scale, expected):
    assert said(number(**changes), values, scale) == expected


def test_a_run_of_another_budget_is_not_compared():
    assert said(number(epochs=20), [89.1, 89.4, 89.2], epochs=8) == "not run"
    assert said(number(epochs=20), [89.1, 89.4, 89.2], epochs=20) == "reproduced"


def test_intervals_are_students():
    values = [1.0, 2.0, 4.0, 7.0]
    ours, s = interval(values), np.std(values, ddof=1)
    assert ours.high - ours.mean == pytest.approx(student.ppf(0.975, 3) * s / 2)
    one, three = (difference(number(value=0, runs=m), ours).half_width for m in (1, 3))
    assert one == pytest.approx(student.ppf(0.975, 3) * s * math.sqrt(1 / 4 + 1))
    assert three == pytest.approx(student.ppf(0.975, 3) * s * math.sqrt(1 / 4 + 1 / 3))


@pytest.mark.parametrize("n", [3, 5])
def test_the_rates_of_error_are_those_that_the_rule_promises(n):
    same, far, wide = (rates(case, n) for case in (Case(0, 0.5), Case(3, 0.5), Case(0, 3)))
    assert same["reproduced"] + same["compatible"] >= 0.90
    assert same["better"] + same["worse"] <= 0.05
    assert far["reproduced"] <= 0.01
    assert wide["better"] + wide["worse"] <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 2000)  # exactly 5 % by theory


@given(st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=8), st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_the_verdict_does_not_depend_on_the_origin(values, value, shift):
    found = difference(number(value=value), interval(values))
    d, h, tau = abs(found.value), found.half_width, 0.5
    if min(abs(d - h), abs(d - tau), abs(d + h - 6 * tau), d) < 1e-6:  # rounding may decide
        return
    assert said(number(value=value + shift), [v + shift for v in values]) == said(number(value=value), values)


@pytest.mark.parametrize(("n", "s", "m", "r"), [(3, 1.0, 5, 2.0), (2, 0.3, 2, 4.0), (10, 1.0, 3, 0.0)])
def test_welch_is_that_of_scipy(n, s, m, r):
    freedom, error = welch((n, s), (m, r))
    expected = ttest_ind_from_stats(1.5, s, n, 0.0, r, m, equal_var=False).pvalue
    assert 2 * student.sf(1.5 / error, freedom) == pytest.approx(expected)
