"""Shares with intervals that hold, one network beside another, and the figure."""

import numpy as np
import pytest

from pdebridge.configuration.load import cells, read_experiment, settings_from
from pdebridge.datasets.volumes import Volume, Volumes
from pdebridge.paper.volumes import draw
from pdebridge.studies import volume_memory
from pdebridge.studies.volumes import Examined, calibration, compared, volumes


def case(share, name="x"):
    """Return a case of 100 voxels of lung, of which so many per cent are affected."""
    mask = np.ones((1, 10, 10), np.uint8)
    mask.reshape(-1)[:share] = 2
    return Volume(name, np.zeros((1, 10, 10), np.float32), mask, (1.0, 1.0, 1.0))


def run(predicted, cell="hyperbolic", seed=0):
    """Return a network that says these shares of true ones 10, 20, 30 in validation and 20, 30, 40 in the test."""
    true = {"train": [10, 30], "val": [10, 20, 30], "test": [20, 30, 40]}
    parts = {part: [case(share) for share in shares] for part, shares in true.items()}
    masks = {part: [case(share).mask for share in predicted[part]] for part in ("val", "test")}
    found = Volumes(parts, 3, {"lung": (1, 2), "lesion": (2,)}, ("lesion", "lung"))
    settings = settings_from({"scale": "test"})
    (resolved,) = (c for c in cells(read_experiment("volumes"), settings) if c.cell == cell)
    return Examined(resolved, seed, found, masks)


def test_the_interval_of_a_new_case_is_students():
    """Errors 1, 2, 3: mean 2, deviation 1, and t(0.975, 2) = 4.3027 times sqrt(1 + 1/3)."""
    bias, half = run({"val": [11, 22, 33], "test": [20, 30, 40]}).interval
    assert bias == pytest.approx(2) and half == pytest.approx(4.30265 * (4 / 3) ** 0.5, rel=1e-5)


def test_coverage_counts_what_is_inside():
    found = calibration(run({"val": [11, 22, 33], "test": [22, 39, 43]}))
    assert found["fraction/coverage"] == pytest.approx(200 / 3)
    assert found["fraction/constant-error"] == pytest.approx((0 + 10 + 20) / 3)


def test_one_network_beside_another_is_paired_by_case():
    one, other = (
        run({"val": [10, 20, 30], "test": [21, 31, 42]}),
        run({"val": [10, 20, 30], "test": [22, 33, 45]}, "unet"),
    )
    found = {(m.cell, m.quantity): m.values[0] for m in compared([one, other], "unet")}
    # differences of the errors are -1, -2, -3
    assert found["hyperbolic", "paired/fraction-error"] == pytest.approx(-2)
    assert found["hyperbolic", "paired/fraction-error-high"] == pytest.approx(-2 + 4.30265 / 3**0.5, rel=1e-4)
    assert found["hyperbolic", "paired/dice-lesion"] > 0 and found["hyperbolic", "paired/dice-lung"] == 0
    assert not compared([one, other], "") and not any(cell == "unet" for cell, _ in found)


def test_both_studies_make_the_figure(trained, monkeypatch, tmp_path):
    monkeypatch.setattr(volume_memory, "resident", lambda cell, mode, side: 1e8)
    runs = [trained(f"volumes/{cell}") for cell in ("hyperbolic", "unet")]
    shares, memory = volumes(runs, "unet"), volume_memory.volume_memory(runs, (16, 32), (16,))
    assert {m.quantity for m in shares.measurements} >= {"fraction/coverage", "paired/dice-lesion-low"}
    draw(shares.arrays, tmp_path / "without")
    draw(shares.arrays | memory.arrays, tmp_path / "volumes")
    assert (tmp_path / "volumes.png").stat().st_size > 50_000
