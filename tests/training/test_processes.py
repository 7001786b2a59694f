"""A training in two processes takes the steps of one: same batches, same statistics, same weights to rounding."""

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from pdebridge.configuration.load import cells, read_experiment, settings_from
from pdebridge.configuration.settings import Tracking
from pdebridge.errors import UserError
from pdebridge.training import batches, processes
from pdebridge.training.batches import Batches
from pdebridge.training.fingerprint import fingerprint
from pdebridge.training.fit import train


def digits(devices, **training):
    """Batch normalisation outside the flows and in them, undone and done again on the way back."""
    change = {
        "devices": devices,
        "seeds": 1,
        "network": {"dynamics": {"name": "hamiltonian", "options": {"normalisation": "batch"}}},
        "training": {"epochs": 1, "precision": "float64", "batch_size": 125, **training},
    }
    return one_cell("digits", "hamiltonian", change)


def one_cell(name, cell, change):
    """A cell of an experiment with other keys, without the experiment's other cells."""
    experiment, settings = read_experiment(name), settings_from({"overrides": {name: change}})
    (found,) = cells(experiment.model_copy(update={"cells": {cell: experiment.cells[cell]}}), settings)
    return found


def assert_same_weights(runs, **tolerances):
    one, two = (load_file(run / "weights.safetensors") for run in runs)
    for name, weights in one.items():
        torch.testing.assert_close(two[name], weights, **tolerances)


def test_two_processes_give_the_weights_of_one(tmp_path):
    runs = [train(digits(n), Tracking(mode="disabled"), tmp_path / str(n), [])[0] for n in (1, 2)]
    assert_same_weights(runs, rtol=1e-10, atol=1e-12)
    first, second = (pd.read_csv(run / "history.csv").filter(regex="^(?!seconds|reversal)") for run in runs)
    pd.testing.assert_frame_equal(first, second, rtol=1e-10)
    errors = pd.read_csv(runs[0] / "history.csv").filter(like="reversal/").dropna()
    assert len(errors.columns) > 2, "one for each flow"
    assert (errors.pop("reversal/error") == errors.max(axis=1)).all() and (errors > 0).all(axis=None)
    assert fingerprint(digits(1), 0) == fingerprint(digits(2), 0)


def peaks(devices, **options):
    """A deep network, full batch, with a line search: every process must come to the same decisions."""
    change = {
        "devices": devices,
        "seeds": 1,
        "data": {"options": {"train": 50, "validation": 50}},
        "network": {"steps": 32, "gradient": {"name": "layer-parallel", "options": {"distributed": True, **options}}},
        "training": {"epochs": 2, "optimizer": {"iterations": 3}},
    }
    return one_cell("peaks", "resnet", change)


def test_two_processes_that_share_the_layers_give_the_weights_of_one(tmp_path):
    runs = [train(peaks(n), Tracking(mode="disabled"), tmp_path / str(n), [])[0] for n in (1, 2)]
    assert_same_weights(runs, rtol=1e-7, atol=1e-9)
    first, second = (pd.read_csv(run / "history.csv").drop(columns=["seconds"]) for run in runs)
    pd.testing.assert_frame_equal(first, second, rtol=1e-7)


def test_two_processes_solve_a_game_as_one_does(small_game, tmp_path):
    adam = {"optimizer": {"name": "adam", "lr": 0.01}, "precision": "float64", "resample": 1}
    cells = [small_game(training=adam, devices=n, game={"name": "crowd-motion", "d": 2}) for n in (1, 2)]
    runs = [train(cell, Tracking(mode="disabled"), tmp_path / str(cell.devices), [])[0] for cell in cells]
    assert_same_weights(runs, rtol=1e-9, atol=1e-12)
    first, second = (pd.read_csv(run / "history.csv").filter(like="val/") for run in runs)
    pd.testing.assert_frame_equal(first, second, rtol=1e-9)
    assert fingerprint(cells[0], 0) == fingerprint(cells[1], 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, r"devices must be 1 with lbfgs, whose line search is sequential \(found 2\)"),
        (
            {"training": {"optimizer": {"name": "adam"}, "levels": [{"samples": 65, "iterations": 5}]}},
            r"samples of a level must be a multiple of devices = 2 \(found 65\)",
        ),
    ],
)
def test_a_game_that_cannot_be_shared_is_refused(changes, message, small_game):
    with pytest.raises(UserError, match=message):
        small_game(devices=2, **changes)


@pytest.mark.parametrize("ranks", [2, 3])
def test_shares_make_up_the_batches_of_one_process(ranks, monkeypatch):
    x = torch.randn(23, 1, 4, 4)
    made = Batches(x, torch.arange(23), 10, seed=0, pad=1, flip=True)
    whole, shared = list(made), []
    for rank in range(ranks):
        monkeypatch.setattr(batches, "world", lambda rank=rank: (rank, ranks))
        shared.append([(*batch, made.share(k)) for k, batch in enumerate(made)])
    for (images, labels), *parts in zip(whole, *shared, strict=True):
        for rank, (mine, c, _) in enumerate(parts):
            assert torch.equal(mine, images[rank::ranks]) and torch.equal(c, labels[rank::ranks])
        mean = sum(c.double().mean() * share for _, c, share in parts) / ranks
        assert mean == pytest.approx(float(labels.double().mean()))


def test_what_cannot_be_shared_is_refused(monkeypatch):
    with pytest.raises(UserError, match=r"devices must be 1 with lbfgs, .* \(found 2\)"):
        digits(2, optimizer={"name": "lbfgs"})
    monkeypatch.setattr(batches, "world", lambda: (0, 4))
    with pytest.raises(UserError, match="4 of them cannot share the last batch of 23 samples in batches of 10"):
        next(iter(Batches(torch.zeros(23, 2), torch.zeros(23), 10, seed=0)))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(UserError, match="must be at most 1"), processes.processes(2, print):
        pass
