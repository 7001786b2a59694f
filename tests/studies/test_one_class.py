"""The published course of the optimisation, step by step, and multigrid solves that are exact."""

import pytest
import torch

from pdebridge.gradients.stored import stored
from pdebridge.optimisation.one_shot import OneShot
from pdebridge.studies import one_class as study

# objective and gradient norm of every iteration in the authors' log
LOG = [
    (1.60984, 9.034e-1),
    (8.932e-1, 6.814e-1),
    (1.021e-3, 6.345e-3),
    (8.197e-4, 5.164e-3),
    (3.019e-4, 2.024e-3),
    (1.531e-4, 1.068e-3),
    (6.939e-5, 5.038e-4),
    (3.336e-5, 2.484e-4),
    (1.616e-5, 1.205e-4),
    (8.246e-6, 5.883e-5),
]


def test_every_iterate_is_near_the_published_one(monkeypatch):
    course, step = [], OneShot.step

    def noted(self, closure):
        value = step(self, closure)
        course.append((value, float(self.memory["gradient"].norm())))
        return value

    monkeypatch.setattr(OneShot, "step", noted)
    figures = study.train(0)
    for found, published in zip(course, LOG, strict=True):
        assert found == pytest.approx(published, rel=0.15)
    assert (figures["objective/initial"], figures["gradient/initial"]) == course[0]
    assert (figures["objective/final"], figures["gradient/final"]) == course[-1]
    assert figures["iterations"] == 9
    assert figures["validation/accuracy"] == 20


def test_the_solves_are_exact():
    torch.manual_seed(0)
    net = study.network()
    for w in net.flow.parameters():
        w.data = 0.3 * torch.randn_like(w)
    u = torch.randn(5, study.WIDTH, dtype=torch.float64)
    found = torch.autograd.grad(net.flow(u).sum(), list(net.flow.parameters()))
    net.flow.gradient = stored
    for a, b in zip(found, torch.autograd.grad(net.flow(u).sum(), list(net.flow.parameters())), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def test_a_measurement_has_a_value_a_seed():
    found = study.one_class([], seeds=(0, 1)).measurements
    assert {len(m.values) for m in found} == {2}
    assert {(m.experiment, m.cell) for m in found} == {("one-class", "peaks")}
