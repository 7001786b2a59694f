"""Peaks against depth and against the formula, on fewer steps."""

import pytest
import torch

from pdebridge.bench.gradients import training_step
from pdebridge.gradients.allocation import storages
from pdebridge.paper.memory import draw
from pdebridge.studies import memory as study
from pdebridge.studies.memory import block, formula, full, memory, peak


def measured(mode, steps):
    return peak(training_step(*block(mode, steps, "cpu")), "cpu")


def test_reversible_activations_are_flat_and_stored_ones_are_not():
    flat = [measured("reversible", N) - study.GRADIENT * N for N in (4, 64)]
    assert flat[1] == pytest.approx(flat[0], rel=0.01)
    assert measured("stored", 64) > 10 * measured("stored", 4)


@pytest.mark.parametrize("mode", study.MODES)
def test_the_formula_is_the_peak(mode):
    for steps in (16, 36):
        assert measured(mode, steps) == pytest.approx(formula(mode, steps), abs=0.2 * study.STATE)


def test_the_formula_counts_what_autograd_keeps():
    flow, u = block("stored", 5, "cpu")
    kept = {}

    def pack(tensor):
        (storage,) = storages(tensor)
        kept[storage._cdata] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        end = flow(u.requires_grad_())
    known = {w.untyped_storage()._cdata for w in (*flow.parameters(), u, end)}
    activations = [s.nbytes() for s in kept.values() if s._cdata not in known and s.nbytes() > study.GRADIENT]
    # the first half state is a view of u, the last of the result
    assert sum(activations) == pytest.approx(formula("stored", 5) - formula("stored", 0), abs=2 * study.STATE)


def test_the_depth_that_fills_a_memory():
    assert full("stored", [10.0 + 3 * N for N in study.DEPTHS], 3010) == pytest.approx(1000)
    peaks = [7 + 5 * N**0.5 + study.GRADIENT * N for N in study.DEPTHS]
    assert full("checkpointed", peaks, 7 + 5 * 30 + study.GRADIENT * 900) == pytest.approx(900)


def test_the_study_and_its_figure(monkeypatch, tmp_path):
    monkeypatch.setattr(study, "DEPTHS", (2, 4, 6))
    result = memory([], network="jmiv-hamiltonian-cifar10", images=2)
    found = {(m.cell, m.quantity): m.values[0] for m in result.measurements}
    key = "cpu-{}-jmiv-hamiltonian-cifar10"
    assert found[key.format("reversible"), "bytes"] < found[key.format("stored"), "bytes"]
    assert found["cpu-stored", "depth-in-1GiB"] < found["cpu-checkpointed", "depth-in-1GiB"]
    draw(result.arrays, tmp_path / "memory")
    assert (tmp_path / "memory.png").stat().st_size > 20_000
