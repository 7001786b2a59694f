"""The best weights are copies of the epoch with the highest validation accuracy, and survive an interruption."""

import pandas as pd
import torch

from pdebridge.configuration.settings import Tracking
from pdebridge.training.classification import Classification
from pdebridge.training.fit import train
from pdebridge.training.restore import restore

NOISY = {
    "epochs": 12,
    "batch_size": 50,
    "select": "best",
    "optimizer": {"name": "sgd", "lr": 0.5, "momentum": 0.0},
    "box": 0.8,
}


def test_the_summary_belongs_to_the_best_epoch_and_the_box_holds(small_cell, tmp_path):
    cell = small_cell(training=NOISY)
    folder = train(cell, Tracking(mode="disabled"), tmp_path, [])[0]
    history, run = pd.read_csv(folder / "history.csv"), restore(folder)
    x, c = run.data["val"]
    accuracy = 100 * float((run.net(x).argmax(1) == c).double().mean())
    assert accuracy == history["val/accuracy"].max()
    assert history["val/accuracy"].iloc[-1] < accuracy, "the example must tell the best epoch from the last"
    assert max(float(p.abs().max()) for p in run.net.parameters()) <= 0.8


def test_penalties_are_added_with_their_weights(small_cell):
    from pdebridge.networks.regularisation import smoothness, tikhonov, total_variation
    from pdebridge.training.classification import assemble

    weights = {"smoothness": 0.3, "variation": 0.5, "tikhonov": 0.7, "decay": 0.9}
    plain = dict.fromkeys(weights, 0.0)
    bare, full = (assemble(small_cell(training=change), 0) for change in (plain, weights))
    x, c = full.data["train"]
    net = full.net
    expected = 0.3 * smoothness(net) + 0.5 * total_variation(net) + 0.7 * tikhonov(net)
    expected = expected + 0.9 * net.classifier.weight.square().sum() / 2
    difference = full.objective(net(x), c) - bare.objective(bare.net(x), c)
    assert isinstance(full, Classification)
    torch.testing.assert_close(difference, expected)


def test_the_error_of_reversal_is_in_the_history(small_cell, tmp_path):
    pair = {"name": "hamiltonian-pair", "options": {"augment": True}}
    flow = {"dynamics": pair, "integrator": "augmented-verlet", "gradient": "reversible"}
    cell = small_cell(network=flow)
    folder = train(cell, Tracking(mode="disabled"), tmp_path, [])[0]
    errors = pd.read_csv(folder / "history.csv")["reversal/error"]
    assert (errors > 0).any()
    assert (errors < 1e-10).all(), "float64 recovers these few steps to rounding"
