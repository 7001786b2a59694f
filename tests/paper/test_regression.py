"""The regression test neither cries wolf nor sleeps."""

import numpy as np
import pytest

from pdebridge.paper.regression import compare, compare_verdicts, holm, p_value


def measurements(**values):
    keys = {name: ("e", "c", name.replace("_", "/")) for name in values}
    return {key: {"values": list(values[name])} for name, key in keys.items()}


def problems(now, before, **options):
    return {f.what: f.problem for f in compare(now, before, **options) if f.problem}


REFERENCE = measurements(val_accuracy=[99.2, 99.5, 99.4, 99.3], val_loss=[0.10, 0.11, 0.12, 0.11], parameters=[132] * 4)


def test_an_equal_run_passes():
    assert problems(REFERENCE, REFERENCE) == {}


def test_a_lower_accuracy_is_found():
    worse = measurements(val_accuracy=[95.2, 95.5, 95.4, 95.3])
    assert problems(worse, REFERENCE, only_shared=True) == {"e/c/val/accuracy": "regressed"}


def test_a_better_accuracy_is_no_problem():
    better = measurements(val_accuracy=[99.9, 99.95, 99.97, 99.92])
    assert problems(better, REFERENCE, only_shared=True) == {}


def test_a_significant_but_irrelevant_difference_is_no_problem():
    slightly = measurements(val_accuracy=[99.05, 99.06, 99.05, 99.06])
    assert p_value(("e", "c", "val/accuracy"), [99.05, 99.06, 99.05, 99.06], [99.2, 99.21, 99.2, 99.21]) < 1e-4
    assert problems(slightly, REFERENCE, only_shared=True) == {}


def test_a_changed_count_is_found():
    changed = measurements(parameters=[133] * 4)
    assert problems(changed, REFERENCE, only_shared=True) == {"e/c/parameters": "regressed"}


def test_one_draw_is_not_compared_unless_it_is_a_count():
    one = measurements(growth=[3.0], parameters=[132])
    assert problems(measurements(growth=[9.0], parameters=[132]), one) == {}
    assert problems(measurements(growth=[3.0], parameters=[133]), one) == {"e/c/parameters": "regressed"}


def test_what_has_no_spread_may_not_move():
    assert problems(measurements(memory=[5.0, 5.0]), measurements(memory=[4.0, 4.0])) == {"e/c/memory": "regressed"}


def test_a_missing_measurement_is_found_unless_the_run_is_partial():
    part = {key: m for key, m in REFERENCE.items() if key[2] == "parameters"}
    assert set(problems(part, REFERENCE).values()) == {"missing"}
    assert problems(part, REFERENCE, only_shared=True) == {}


def test_times_are_not_compared():
    assert compare(measurements(seconds=[9.0, 9.1]), measurements(seconds=[1.0, 1.1])) == []


def test_false_alarms_are_as_rare_as_the_level_says():
    rng, alarms = np.random.default_rng(1), 0
    for _ in range(300):
        draw = [measurements(**{f"q{i}_accuracy": rng.normal(90, 5, 5) for i in range(10)}) for _ in range(2)]
        alarms += bool(problems(*draw))
    assert alarms / 300 <= 0.02


def test_holm_is_the_step_down_procedure():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


def test_a_lost_verdict_is_found():
    before = {"a": "reproduced", "b": "worse", "c": "better"}
    lost = compare_verdicts({"a": "differs", "b": "worse", "c": "reproduced"}, before)
    assert [finding.what for finding in lost] == ["a"]
