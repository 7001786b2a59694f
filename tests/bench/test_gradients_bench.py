from pdebridge.bench.gradients import MODES, measure


def test_bench_compares_every_mode() -> None:
    found = measure(width=8, pixels=8, batch=2, steps=16, rounds=1)
    assert found["name"] == "gradients"
    assert set(found["raw"]["seconds"]) == set(found["raw"]["bytes"]) == set(MODES)
    assert all(ratio > 0 for ratio in found["ratios"].values())
    assert found["ratios"]["reversible/stored peak"] < 0.5
