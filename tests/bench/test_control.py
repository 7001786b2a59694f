from pdebridge.bench.control import TOLERANCE, measure


def test_the_ratios_are_of_gradients_within_the_tolerance() -> None:
    found = measure(depths=(64,), batches=(4,), factors=(4,), rounds=1)
    (name, ratio), raw = next(iter(found["ratios"].items())), found["raw"]["N = 64, batch 4, m = 4"]
    assert name == "time: layer-parallel / serial, N = 64, batch 4, m = 4"
    assert ratio == raw["seconds"] / raw["serial"]
    assert raw["error"] <= TOLERANCE
    assert raw["cycles"] >= 1
