import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from pdebridge.bench import certificates
from pdebridge.bench import meanfield as bench
from pdebridge.meanfield.characteristics import characteristics
from pdebridge.meanfield.games import optimal_transport
from pdebridge.meanfield.potential import Potential


def test_the_compared_version_computes_the_same():
    game, potential = optimal_transport(3), Potential(3, 8, 2, spread=0.3)
    x = game.initial.sample(6)
    one, other = (characteristics(game, phi, x, 2) for phi in (potential, bench.AutogradPotential(potential)))
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_ratios_follow_from_the_raw_figures(monkeypatch):
    monkeypatch.setattr(bench, "DIMENSIONS", (2, 3))
    monkeypatch.setattr(bench, "BATCH", 8)
    monkeypatch.setattr(bench, "SMALL_BATCH", 8)
    monkeypatch.setattr(bench, "least_times", lambda candidates, repetitions: dict.fromkeys(candidates, 0.5))
    monkeypatch.setattr(bench, "sharpness", lambda: ({"bound": 0.9}, {"bound_s": 2.0}))
    result = bench.measure()
    assert result["name"] == "meanfield"
    assert (result["ratios"]["bound"], result["raw"]["bound_s"]) == (0.9, 2.0)
    assert result["ratios"]["time_d3_over_d2"] == 1
    assert result["ratios"]["autograd_over_ours_d3"] == 1
    rate = bench.flops(3) / 0.5 / (2 * 1024**3 / 0.5)
    assert result["ratios"]["share_of_matrix_product_d3"] == pytest.approx(rate)


def test_flops_are_those_that_torch_counts(monkeypatch):
    """Torch's counter sees two thirds of them: not the products that accumulate in place. Without what happens once."""
    monkeypatch.setattr(bench, "BATCH", 64)
    counted = []
    for steps in (bench.STEPS, 2 * bench.STEPS):
        with FlopCounterMode(display=False) as counter:
            bench.ours(100, steps)()
        counted.append(counter.get_total_flops())
    assert counted[1] - counted[0] == pytest.approx(bench.flops(100) * 2 / 3, rel=0.02)


def test_bounds_are_timed_and_set_beside_the_optimum(monkeypatch):
    """No estimate is above the optimum that is known, and transport's bound does not know its dimension."""
    monkeypatch.setattr(certificates, "DIMENSIONS", (2, 4))
    small = {"steps": 8, "samples": 32, "replicates": 2, "starts": 1, "iterations": 20}
    monkeypatch.setattr(certificates, "ESTIMATE", small)
    monkeypatch.setattr(certificates, "_transport", lambda d: 10.0 + 0.1 * d)
    ratios, raw = certificates.sharpness()
    assert ratios["transport_proved_d4_over_d2"] == pytest.approx(10.4 / 10.2)
    for d in (2, 4):
        assert 0.9 < ratios[f"lq_estimated_over_optimum_d{d}"] < 1
        assert raw[f"lq_estimated_d{d}_s"] > 0
