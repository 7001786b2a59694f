from pdebridge.bench.maximum_principle import measure


def test_the_ratios_are_of_the_same_weights() -> None:
    found = measure(depths=(6,), batches=(15,), rounds=1)
    (name, ratio), raw = next(iter(found["ratios"].items())), found["raw"]["N = 6, batch 15"]
    assert name == "time: maximisation of all layers at once / loop, N = 6, batch 15"
    assert ratio == raw["batch"] / raw["loop"]
    assert raw["difference"] < 1e-8
