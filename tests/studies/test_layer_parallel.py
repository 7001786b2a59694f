"""The schedule has the length of the cost model, errors fall, and the figure shows both."""

import pytest

from pdebridge.paper.layer_parallel import draw
from pdebridge.studies import layer_parallel as study
from pdebridge.studies.layer_parallel import errors, layer_parallel, speedup


@pytest.mark.parametrize(
    ("P", "gain"), [(4, 1.0), (8, 2.0), (16, 3.8), (32, 6.9), (64, 11.6), (128, 16.0), (256, 19.7)]
)
def test_the_counted_schedule_is_that_of_the_cost_model(P: int, gain: float) -> None:
    assert speedup(1024, P) == pytest.approx(gain, abs=0.05)


def test_weights_that_are_smooth_in_depth_converge_faster_than_independent_ones() -> None:
    smooth, independent = (errors(64, weights, {"factor": 4}) for weights in ("smooth", "independent"))
    assert smooth[4]["state/error"] < 2e-5
    assert smooth[4]["gradient/error"] < 1e-3
    assert independent[4]["state/error"] > 10 * smooth[4]["state/error"]


def test_it_measures_and_draws(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setattr(study, "CYCLES", range(1, 3))
    monkeypatch.setattr(study, "CASES", {name: (16, kind, {"factor": 2}) for name, (_, kind, _) in study.CASES.items()})
    result = layer_parallel([])
    assert {m.quantity for m in result.measurements} == {"state/error", "gradient/error", "speedup"}
    draw(result.arrays, tmp_path / "f")
    assert (tmp_path / "f.png").stat().st_size > 10_000
