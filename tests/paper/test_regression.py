"""The regression test neither cries wolf nor sleeps."""

from pathlib import Path

import numpy as np
import pytest

from pdebridge.paper import faults
from pdebridge.paper.evidence import Evidence
from pdebridge.paper.quantities import measure
from pdebridge.paper.regression import compare, holm, typical

ROOT = Path(__file__).parents[2]

ARITHMETIC = {"arithmetic": {"processor": "p", "threads": 1}}


def evidence(values, repeats=None, arithmetic=True):
    """Return the evidence of ``{(experiment, cell, quantity): values}``."""
    found = Evidence(
        {key: {"values": np.asarray(v).tolist(), "runs": []} for key, v in values.items()}, repeats=repeats or {}
    )
    found.provenance = {key[:2]: ARITHMETIC if arithmetic else {} for key in values}
    return found


def problems(now, reference, **options):
    return {f"{f.cell}/{f.quantity}": f.problem for f in compare(now, reference, **options).faults}


def digits(rng, shift=0.0, sigma=0.5, repeats=3, cells=10, n=3):
    """Return a run and its reference: ten cells of seeds that rounding moves by ``sigma`` points."""
    truth = {("digits", f"c{i}", "test/accuracy"): 95 + 2 * rng.normal(size=n) for i in range(cells)}
    moved = {key: mean[:, None] + sigma * rng.normal(size=(n, repeats + 2)) for key, mean in truth.items()}
    now = evidence({key: draws[:, 0] + shift for key, draws in moved.items()}, arithmetic=False)
    more = {key: dict(enumerate(draws[:, 2:].tolist())) for key, draws in moved.items()}
    return now, evidence({key: draws[:, 1] for key, draws in moved.items()}, more)


def test_an_equal_run_passes_and_equality_is_counted():
    reference = evidence({("e", "c", "val/accuracy"): [99.2, 99.5], ("e", "c", "val/loss"): [float("nan"), 1.0]})
    found = compare(reference, reference)
    assert (found.faults, found.equal, dict(found.moved)) == ([], 2, {})


def test_what_moved_under_the_same_arithmetic_is_listed_by_cell():
    reference = evidence({("e", c, "val/loss"): [0.1, 0.2, 0.3] for c in "ab"})
    now = evidence({("e", c, "val/loss"): [0.1, 0.2, np.nextafter(0.3, 1) if c == "b" else 0.3] for c in "ab"})
    found = compare(now, reference)
    assert found.unexpected == {"e/b": ["val/loss"]}
    assert found.faults == []
    other = compare(evidence({key: m["values"] for key, m in now.measurements.items()}, arithmetic=False), reference)
    assert other.unexpected == {} and list(other.moved) == ["e/b"]


def test_a_fall_of_two_points_in_one_cell_is_found_nine_times_in_ten():
    rng, seen = np.random.default_rng(0), 0
    for _ in range(60):
        now, reference = digits(rng)
        key = ("digits", "c3", "test/accuracy")
        now.measurements[key]["values"] = [x - 2 for x in now.measurements[key]["values"]]
        seen += problems(now, reference).get("digits/c3/test/accuracy") == "regressed"
    assert seen >= 54


def test_a_shift_that_no_cell_shows_is_seen_over_ten_cells():
    rng, seen = np.random.default_rng(1), 0
    for _ in range(40):
        now, reference = digits(rng, shift=-0.5)
        seen += problems(now, reference).get("digits/test/accuracy") == "regressed"
    assert seen >= 36


def test_false_alarms_are_as_rare_as_the_level_says():
    rng = np.random.default_rng(2)
    assert sum(bool(problems(*digits(rng, sigma=rng.choice([0.3, 1.0, 3.0])))) for _ in range(150)) <= 5


def test_where_all_repeats_lie_on_one_side_of_the_committed_run_the_mean_counts():
    key = ("digits", "residual", "test/accuracy")
    repeats = {key: {i: [95.0, 95.2, 94.8] for i in range(3)}}
    reference = evidence({key: [97.0, 97.0, 97.0]}, repeats)
    assert problems(evidence({key: [95.0, 95.1, 95.2]}), reference) == {}


def test_a_change_to_the_better_is_news():
    now, reference = digits(np.random.default_rng(3), shift=3)
    found = compare(now, reference)
    assert found.faults == []
    assert {f.news for f in found.findings} == {"improved"}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_fails(value):
    key = ("e", "c", "val/loss")
    assert problems(evidence({key: [value, 1.0]}), evidence({key: [1.0, 1.1]})) == {"e/c/val/loss": "not finite"}


def test_counts_may_not_change_and_thresholds_belong_to_units():
    reference = {("w", "n", "parameters"): [132], ("dimension", "d1", "error/relative-l2"): [2e-3]}
    now = {("w", "n", "parameters"): [133], ("dimension", "d1", "error/relative-l2"): [0.49]}
    assert problems(evidence(now), evidence(reference)) == {
        "w/n/parameters": "changed",
        "dimension/d1/error/relative-l2": "beyond tolerance",
    }
    # in per cent, beside an accuracy, a tenth is nothing
    assert measure(("e", "c", "test/error")).tolerated([4.6], [4.5])


def test_chaotic_quantities_are_declared_and_not_tested():
    key = ("gradients", "E3/relu/n=100", "state/error")
    found = compare(evidence({key: [40.0]}), evidence({key: [0.04]}))
    assert found.faults == [] and list(found.untested) == ["/".join(key)]


def test_what_is_missing_is_found_unless_the_run_is_partial():
    reference = evidence({("e", "c", "parameters"): [1], ("e", "c", "seconds"): [3.0], ("f", "c", "parameters"): [2]})
    part = evidence({("e", "c", "parameters"): [1]})
    assert problems(part, reference) == {"f/c/parameters": "missing"}
    assert problems(part, reference, partial=True) == {}


def test_holm_is_the_step_down_procedure():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


def test_injected_faults_are_found_and_runs_without_one_give_no_alarm(tmp_path, capsys):
    from pdebridge.paper.evidence import write

    rng = np.random.default_rng(4)
    _, reference = digits(rng)
    write(reference, tmp_path)
    assert faults.self_test(tmp_path) == 0, capsys.readouterr().out
    assert len(faults.FAULTS) >= 20


def test_every_fault_is_found_in_the_committed_laptop_run(capsys):
    status, said = faults.self_test(ROOT / "results" / "reference" / "laptop"), capsys.readouterr().out
    assert status == 0, said
    assert "27 faults in 4 runs: 0 missed, 0 false alarms" in said


def test_a_cells_spread_leans_on_the_others_the_less_the_more_they_differ():
    rng = np.random.default_rng(0)
    alike = [(float(rng.chisquare(6) / 6), 6) for _ in range(200)]
    assert typical(alike, 1.0, 10.0) == (1.0, 10.0)
    apart = [(float(10 ** rng.normal() * rng.chisquare(6) / 6), 6) for _ in range(200)]
    variance, freedom = typical(apart, 5.0, 10.0)
    assert freedom == 4.0
    assert variance < 1.0
    # a prior of 8 degrees of freedom is found again from the spread that it makes
    between = [(float(8 / rng.chisquare(8) * rng.chisquare(6) / 6), 6) for _ in range(20_000)]
    variance, freedom = typical(between, 1.3, 10.0)
    assert freedom == pytest.approx(8, rel=0.1)
    assert variance == pytest.approx(1, rel=0.05)
