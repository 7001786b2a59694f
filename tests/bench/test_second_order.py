from pdebridge.bench.second_order import measure


def test_the_ratio_is_of_the_times_to_the_best_objective_of_sgd() -> None:
    found = measure(problems=("swiss-roll",), epochs=2, rates=(0.01,), batches=(128,), iterations=6)
    (name, ratio), raw = next(iter(found["ratios"].items())), found["raw"]["swiss-roll"]
    assert name == "time: Gauss-Newton / SGD, swiss-roll (at most 0.2)"
    sgd = raw["SGD"][raw["best setting"]]
    assert sgd == min(raw["SGD"].values())
    *before, reached = raw["Gauss-Newton"]
    assert all(epoch.objective > sgd.objective for epoch in before)
    assert reached.objective <= sgd.objective
    assert ratio == reached.seconds / sgd.seconds
