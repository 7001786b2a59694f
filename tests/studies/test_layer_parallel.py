"""Errors are those of the table and fall as they should, and the figure shows them."""

import pytest

from pdebridge.bench import deep_network
from pdebridge.bench.deep_network import network, relative
from pdebridge.gradients.layer_parallel import LayerParallel
from pdebridge.gradients.stored import stored
from pdebridge.paper.layer_parallel import UNCONFIRMED, draw
from pdebridge.paper.published import read_published
from pdebridge.studies import layer_parallel as study
from pdebridge.studies.layer_parallel import errors, layer_parallel

# to T = 5, measured with another implementation: relative errors of u_N after 1, 2, ... cycles, and of the gradient of
# its mean square after so many cycles of states and adjoints
TABLE = {
    "N256-m2": [1.2e-1, 7.9e-3, 3.1e-4, 7e-6, 1e-7, 1.3e-9],
    "N256-m4": [1.3e-1, 8.4e-3, 2.3e-4, 4.3e-6, 6.9e-8, 9.5e-10],
    "N256-m4-F": [1.4e-1, 1.1e-2, 4.5e-4, 1.1e-5, 2.8e-7, 7e-9],
    "N256-m16": [7.6e-2, 4.0e-3, 2e-4, 6.8e-6, 1.5e-7, 1.8e-9],
    "N256-m4-independent": [1.7e-1, 5.5e-2, 1.2e-2, 2.1e-3, 3.3e-4, 4e-5],
}
CYCLES = [(1, 1), (2, 1), (2, 2), (3, 2), (4, 3)]
GRADIENTS = {
    "N256-m2": [1.0e-1, 3.7e-2, 4.3e-3, 1.4e-3, 4.1e-5],
    "N256-m4": [1.2e-1, 3.3e-2, 4.3e-3, 1.0e-3, 2.8e-5],
    "N256-m4-F": [1.3e-1, 3.4e-2, 6.0e-3, 1.5e-3, 5.5e-5],
    "N256-m16": [6.7e-2, 2.3e-2, 2.8e-3, 9.5e-4, 3.7e-5],
    "N256-m4-independent": [1.5e-1, 6.0e-2, 4.3e-2, 1.4e-2, 2.8e-3],
}


@pytest.mark.parametrize("case", TABLE)
def test_the_error_of_each_cycle_is_within_a_factor_two_of_the_table(case: str) -> None:
    found = errors(*study.CASES[case])
    for k, expected in enumerate(TABLE[case], start=1):
        assert 0.5 < found[k]["state/error"] / expected < 2


@pytest.mark.parametrize("case", GRADIENTS)
def test_the_error_of_the_gradient_is_within_a_factor_two_of_the_table(case: str) -> None:
    steps, weights, options = study.CASES[case]
    _, exact = study.end_and_gradient(network(steps, weights, stored))
    for (forth, back), expected in zip(CYCLES, GRADIENTS[case], strict=True):
        mode = LayerParallel(forth, adjoint_cycles=back, coarsest=study.COARSEST, **options)
        _, found = study.end_and_gradient(network(steps, weights, mode))
        assert 0.5 < relative(found, exact) / expected < 2, (forth, back)


def test_a_shorter_time_converges_faster_by_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deep_network, "TIME", 1.0)
    found = errors(256, "smooth", {"factor": 4})
    for k, expected in enumerate([1.5e-2, 9.2e-5, 3.7e-7, 1.1e-9], start=1):
        assert 0.5 < found[k]["state/error"] / expected < 2
    for k, expected in ((1, 1.2e-2), (2, 4.6e-5)):
        assert 0.5 < found[k]["gradient/error"] / expected < 2


@pytest.mark.parametrize(("steps", "expected"), [(64, 2.9e-6), (1024, 5.3e-6)])
def test_the_fourth_error_hardly_depends_on_depth(steps: int, expected: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "CYCLES", [4])
    assert 0.5 < errors(steps, "smooth", {"factor": 4})[4]["state/error"] / expected < 2


def test_weights_that_are_smooth_in_depth_converge_faster_than_independent_ones() -> None:
    smooth, independent = (errors(64, weights, {"factor": 4}) for weights in ("smooth", "independent"))
    assert smooth[4]["state/error"] < 2e-5
    assert smooth[4]["gradient/error"] < 1e-3
    assert independent[4]["state/error"] > 10 * smooth[4]["state/error"]


def test_it_measures_and_draws(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setattr(study, "CYCLES", range(1, 3))
    monkeypatch.setattr(study, "CASES", {name: (16, kind, {"factor": 2}) for name, (_, kind, _) in study.CASES.items()})
    monkeypatch.setattr(study, "BATCHES", (2,))
    monkeypatch.setattr(study, "FACTORS", (2,))
    result = layer_parallel([], timed=[16, 32])
    quantities = {"state/error", "gradient/error", "speedup", "speedup/two-cycles", "time/ratio"}
    assert {m.quantity for m in result.measurements} == quantities | {"work/cycle", "cycles/exact"}
    (exact,) = (m.values for m in result.measurements if m.quantity == "cycles/exact")
    assert exact == [4]  # N / (2 m)
    work = {m.cell: m.values[0] for m in result.measurements if m.quantity == "work/cycle"}
    assert work == pytest.approx({"m2-FCF": 6, "m4-FCF": 4, "m4-F-FCF": 3}, rel=2e-3)
    draw(result.arrays, tmp_path / "f")
    assert (tmp_path / "f.png").stat().st_size > 10_000


def test_the_figure_shows_the_unconfirmed_rows_of_the_table() -> None:
    rows = {row.id: row for row in read_published() if row.reference == "gunther2020layer"}
    for name, (steps, cores, speedup) in UNCONFIRMED.items():
        row = rows[f"gunther-et-al-2020/speedup/{name.lower().replace(' ', '-')}/speedup"]
        assert (row.value, row.status) == (speedup, "unconfirmed")
        assert row.note.startswith(f"N = {steps}, {cores} cores")
