"""The rates that the schedules give, and the precision in which a training evaluates its network."""

import pytest
import torch

from pdebridge.configuration.classification import Training
from pdebridge.configuration.load import cells, read_experiment
from pdebridge.configuration.optimisers import SGD
from pdebridge.configuration.settings import Settings
from pdebridge.errors import UserError
from pdebridge.networks.published import build
from pdebridge.optimisation.maximum_principle import Penalties
from pdebridge.training.classification import Classification, assemble
from pdebridge.training.optimisers import optimiser

EPOCHS, BATCHES = 10, 7


def rates(**keys) -> list[float]:
    """The rate of every step of a training."""
    training = Training(optimizer=SGD(name="sgd", lr=0.5, **keys), epochs=EPOCHS)
    found, schedule = optimiser(training, torch.nn.Linear(2, 2), BATCHES)
    assert schedule is not None
    used = []
    for step in range(1, EPOCHS * BATCHES + 1):
        used.append(found.param_groups[0]["lr"])
        found.step()
        if schedule["interval"] == "step" or step % BATCHES == 0:
            schedule["scheduler"].step() if step < EPOCHS * BATCHES else None
    return used


def test_one_cycle_rises_in_the_first_fifth_and_falls_to_zero():
    used = rates(schedule="one-cycle")
    peak = used.index(max(used))
    assert used[0] == pytest.approx(0.5 / 25)
    assert used[peak] == pytest.approx(0.5, rel=0.05)
    assert peak == pytest.approx(len(used) / 5, abs=1)
    assert used[-1] < 1e-3
    falls = torch.tensor(used[peak:]).diff()
    torch.testing.assert_close(falls, falls.mean().expand_as(falls), rtol=1e-2, atol=0)


def test_steps_multiply_by_the_factor_after_the_milestones():
    used = rates(milestones=[3, 6], factor=0.1)
    assert used[3 * BATCHES - 1 : 3 * BATCHES + 1] == pytest.approx([0.5, 0.05])
    assert used[-1] == pytest.approx(0.005)


ONE_CYCLE = {"name": "sgd", "schedule": "one-cycle"}


@pytest.mark.parametrize(
    ("training", "found"),
    [
        ({"epochs": 5}, 5),
        ({"epochs": 1, "batch_size": 400}, 5),
        ({"epochs": 16, "levels": [{"steps": 5, "epochs": 12}]}, 4),
        ({"epochs": 16, "levels": [{"steps": 5, "epochs": 4}]}, 4),
    ],
)
def test_a_cycle_too_short_to_rise_is_refused_before_the_first_step(small_cell, training, found):
    task = assemble(small_cell(training={**training, "optimizer": ONE_CYCLE}), 0)
    with pytest.raises(UserError, match=rf"sgd: schedule one-cycle .* 6 of them or more \(found {found}\)"):
        task.configure_optimizers()


def test_the_shortest_cycle_rises_and_falls(small_cell):
    made = assemble(small_cell(training={"epochs": 6, "optimizer": ONE_CYCLE | {"lr": 0.5}}), 0).configure_optimizers()
    rates = []
    for _ in range(5):
        rates.append(made["optimizer"].param_groups[0]["lr"])
        made["optimizer"].step()
        made["lr_scheduler"]["scheduler"].step()
    assert rates[0] == pytest.approx(0.5 / 25)
    assert rates.index(max(rates)) == 1


@pytest.mark.parametrize(
    ("changes", "need"),
    [
        ({"training": {"variation": 0.1}}, "no training.variation"),
        ({"training": {"precision": "bf16-mixed"}}, "training.precision: float32 or float64"),
        ({"network": {"control": "constant"}}, "network.control: piecewise-constant"),
        ({"devices": 2}, "devices: 1"),
    ],
)
@pytest.mark.parametrize("keys", [{"name": "msa"}, {"name": "e-msa", "rho": 1.0}])
def test_what_the_maximum_principle_cannot_do_is_refused_by_its_key(small_cell, keys, changes, need):
    training = changes.get("training", {}) | {"optimizer": keys}
    with pytest.raises(UserError, match=rf"{keys['name']} needs {need}$"):
        small_cell(**{**changes, "training": training})


WARM = {"name": "layer-parallel", "options": {"warm": True}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, r"one-shot needs network.gradient: {name: layer-parallel, options: {warm: true}}"),
        ({"network": {"gradient": "layer-parallel"}}, r"one-shot needs network.gradient"),
        ({"network": {"gradient": WARM}, "devices": 2}, r"one-shot needs devices: 1$"),
        ({"network": {"gradient": WARM}, "training": {"batch_size": 9}}, r"one-shot needs no training.batch_size$"),
    ],
)
def test_what_one_shot_training_cannot_do_is_refused_by_its_key(small_cell, changes, message):
    training = changes.get("training", {}) | {"optimizer": {"name": "one-shot"}}
    with pytest.raises(UserError, match=message):
        small_cell(**{**changes, "training": training})


@pytest.mark.parametrize(("name", "rho"), [("msa", 0.0), ("e-msa", 3.0)])
def test_the_maximum_principle_sees_the_penalties_of_the_training(small_cell, name, rho):
    keys = {"rho": rho} if rho else {}
    method = assemble(small_cell(training={"optimizer": {"name": name, **keys}}), 0).configure_optimizers()
    assert method.penalties == Penalties(tikhonov=3e-3, smoothness=1e-3, decay=1e-4)
    assert method.rho == rho


def test_mixed_precision_changes_the_step_by_rounding_and_the_evaluation_not_at_all():
    x, c = torch.randn(4, 3, 8, 8), torch.tensor([0, 1, 2, 3])
    torch.manual_seed(0)
    net = build("jmiv-hamiltonian-cifar10")
    tasks = [
        Classification(net, Training(optimizer=SGD(name="sgd"), epochs=1, precision=name), 0, {"train": (x, c)})
        for name in ("float32", "bf16-mixed")
    ]
    exact, mixed = (task.logits(x) for task in tasks)
    assert exact.dtype == mixed.dtype == torch.float32
    error = torch.linalg.vector_norm(mixed - exact) / torch.linalg.vector_norm(exact)
    assert 1e-4 < error < 5e-2
    tasks[1].objective(mixed, c).backward()
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in net.parameters())


@pytest.mark.parametrize(("name", "expected"), [("ternary", {"weights/non-zero": 40.0}), ("binary", {})])
def test_the_share_of_ternary_weights_that_are_not_zero(name, expected):
    (cell,) = (c for c in cells(read_experiment("discrete-msa-digits"), Settings()) if c.cell == name)
    task = assemble(cell, 0)
    for m in task.net.modules():
        if isinstance(m, torch.nn.Linear):
            flat = torch.zeros(m.weight.numel())
            flat[: round(0.4 * len(flat))] = 1
            m.weight.data = flat.view_as(m.weight)
    assert task.non_zero() == pytest.approx(expected, abs=0.01)
