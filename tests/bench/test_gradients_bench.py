from pdebridge.bench.gradients import MODES, measure
from pdebridge.bench.rivals import RIVALS


def test_bench_compares_every_mode() -> None:
    found = measure(width=8, pixels=8, batch=2, steps=16, rounds=1)
    assert found["name"] == "gradients"
    raw = found["raw"]
    assert set(raw["seconds"]) == set(raw["bytes"]) == set(MODES) | (set(RIVALS) - set(raw["missing"]))
    assert all(ratio > 0 for ratio in found["ratios"].values())
    assert found["ratios"]["peak: reversible / stored"] < 0.5
