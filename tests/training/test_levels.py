"""A training that is multilevel in depth: its depths, its interruption, its budget."""

import pytest
import torch
from safetensors.torch import load_file

from pdebridge.configuration.classification import Level as Coarse
from pdebridge.configuration.load import cells, read_experiment, settings_from
from pdebridge.configuration.settings import Tracking
from pdebridge.errors import UserError
from pdebridge.files import read_json
from pdebridge.training.classification import Classification, assemble
from pdebridge.training.fingerprint import fingerprint
from pdebridge.training.fit import train
from pdebridge.training.levels import Level, levels
from pdebridge.training.restore import restore

OFF = Tracking(mode="disabled")
LEVELS = [{"steps": 2, "epochs": 2}, {"steps": 4, "epochs": 3}]
SGD = {"name": "sgd", "lr": 0.1, "schedule": "one-cycle"}
OPTIMISERS = {
    "gauss-newton": {"optimizer": {"name": "gauss-newton", "iterations": 2}},
    "lbfgs": {"optimizer": {"name": "lbfgs", "iterations": 3}},
    "sgd": {"optimizer": SGD, "batch_size": 100},
}


@pytest.fixture
def multilevel(small_cell):
    """Return a function that makes a cell of levels N = 2, 4, 8."""

    def make(**changes):
        training = {"epochs": 7, "levels": LEVELS, "decay": 1e-3, **changes}
        return small_cell(network={"steps": 8}, training=training)

    return make


def test_the_depths_follow_the_epochs(multilevel, tmp_path, monkeypatch):
    seen = []
    after = Classification.epoch_figures

    def noted(self):
        seen.append((self.net.flow.steps, self.net.flow.h * self.net.flow.steps))
        return after(self)

    monkeypatch.setattr(Classification, "epoch_figures", noted)
    cell = multilevel()
    assert levels(cell) == [Level(2, 0, 2), Level(4, 2, 5), Level(8, 5, 7)]
    run = train(cell, OFF, tmp_path, [])[0]
    assert [steps for steps, _ in seen] == [2, 2, 4, 4, 4, 8, 8]
    assert [time for _, time in seen] == pytest.approx([cell.network.time] * 7)
    restored = restore(run)
    assert len(restored.net.flow.control.K) == 8
    accuracy = 100 * (restored.net(restored.data["val"][0]).argmax(1) == restored.data["val"][1]).double().mean()
    assert read_json(run / "summary.json")["val/accuracy"] == pytest.approx(float(accuracy))


@pytest.mark.parametrize("stop", [1, 3, 5])
@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_an_interrupted_training_resumes_on_its_level_to_bit_equal_weights(
    optimiser, stop, multilevel, tmp_path, monkeypatch
):
    cell, before = multilevel(**OPTIMISERS[optimiser]), Classification.on_train_epoch_start
    straight = train(cell, OFF, tmp_path / "straight", [])[0]

    def interrupted(self):
        if self.current_epoch == stop:
            raise RuntimeError("killed")
        before(self)

    monkeypatch.setattr(Classification, "on_train_epoch_start", interrupted)
    with pytest.raises(RuntimeError, match="killed"):
        train(cell, OFF, tmp_path / "killed", [])
    monkeypatch.setattr(Classification, "on_train_epoch_start", before)
    killed = train(cell, OFF, tmp_path / "killed", [])[0]
    a, b = (load_file(run / "weights.safetensors") for run in (killed, straight))
    assert all(torch.equal(a[name], b[name]) for name in b)
    columns = [
        [line.split(",")[2:] for line in (run / "history.csv").read_text().splitlines()] for run in (killed, straight)
    ]
    assert columns[0] == columns[1]


def test_every_level_has_a_schedule_of_its_own(multilevel, tmp_path, monkeypatch):
    rates, before = [], Classification.training_step

    def noted(self, batch, batch_idx):
        rates.append(self.optimizers(use_pl_optimizer=False).param_groups[0]["lr"])
        return before(self, batch, batch_idx)

    monkeypatch.setattr(Classification, "training_step", noted)
    train(multilevel(optimizer={"name": "adamw", "lr": 1.0}), OFF, tmp_path, [])
    assert rates == pytest.approx([1, 1 / 2, 1, 3 / 4, 1 / 4, 1, 1 / 2])


def test_best_weights_are_those_of_the_last_level(multilevel, tmp_path):
    run = train(multilevel(select="best"), OFF, tmp_path, [])[0]
    assert len(load_file(run / "weights.safetensors")["flow.control.K"]) == 8


def test_every_stage_of_an_image_network_is_prolonged(tmp_path):
    """Two stages of N = 2 then 4 steps to the same T; the network that is restored has those of the last level."""
    found = cells(read_experiment("digits"), settings_from({"overrides": {"digits": {"seeds": 1}}}))
    parabolic = next(cell for cell in found if cell.cell == "parabolic-euler")
    network = parabolic.network.model_copy(update={"widths": [2, 4, 4], "steps": 4, "h": 0.25})
    training = parabolic.training.model_copy(update={"epochs": 2, "levels": [Coarse(steps=2, epochs=1)]})
    cell = parabolic.model_copy(update={"network": network, "training": training})
    begun = assemble(cell, 0)
    assert [(flow.steps, flow.h) for flow in begun.flows] == [(2, 0.5)] * 2
    run = train(cell, OFF, tmp_path, [])[0]
    assert [(flow.steps, flow.h) for flow in restore(run).net.flows] == [(4, 0.25)] * 2
    columns = (run / "history.csv").read_text().splitlines()
    assert [float(line.split(",")[columns[0].split(",").index("steps")]) for line in columns[1:]] == [2.0, 4.0]


def test_the_fingerprint_knows_the_levels(multilevel):
    assert fingerprint(multilevel(), 0) != fingerprint(multilevel(levels=[]), 0)


@pytest.mark.parametrize(
    ("epochs", "expected"), [(1, [8]), (2, [4, 8]), (3, [2, 4, 8]), (6, [2, 4, 8]), (9, [2, 4, 8])]
)
def test_a_capped_training_ends_with_the_network_itself(epochs, expected, multilevel):
    cell = multilevel().capped(epochs)
    assert cell.epochs == min(epochs, 7)
    assert [level.steps for level in levels(cell)] == (expected if epochs > 1 else [])
    assert assemble(cell, 0).net.flow.steps == expected[0]
    assert epochs > 7 or all(level.last - level.first == 1 for level in levels(cell)[:-1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"levels": [{"steps": 3, "epochs": 1}]}, r"must divide the next, larger one \(found \[3, 8\]\)"),
        ({"levels": [{"steps": 8, "epochs": 1}]}, r"found \[8, 8\]"),
        ({"levels": [{"steps": 1, "epochs": 1}]}, "greater than or equal to 2"),
        ({"levels": [{"steps": 4, "epochs": 7}]}, "must leave some of the 7 epochs"),
        ({"optimizer": {"name": "gauss-newton"}, "decay": 0.0}, r"gauss-newton needs training.decay > 0"),
        ({"optimizer": {"name": "gauss-newton"}, "batch_size": 10}, r"gauss-newton needs no training.batch_size"),
    ],
)
def test_what_does_not_fit_is_refused(changes, message, multilevel):
    with pytest.raises(UserError, match=message):
        multilevel(**changes)


def test_weights_that_do_not_belong_to_steps_are_not_prolonged(small_cell):
    with pytest.raises(UserError, match=r"training.levels needs network.layout: dense with network.control"):
        small_cell(network={"steps": 8, "control": "constant"}, training={"epochs": 7, "levels": LEVELS})
