"""A loss that is not finite stops the run with the step, the layer and the setting to change."""

import pytest

from pdebridge.configuration.settings import Tracking
from pdebridge.errors import UserError
from pdebridge.training.classification import assemble
from pdebridge.training.divergence import first_nonfinite_layer
from pdebridge.training.fit import train

WILD = {"epochs": 50, "batch_size": 100, "optimizer": {"name": "sgd", "lr": 1e30}}


def test_the_message_names_step_layer_and_setting(small_cell, tmp_path):
    cell = small_cell(training=WILD)
    with pytest.raises(UserError) as caught:
        train(cell, Tracking(mode="disabled"), tmp_path, [])
    message = str(caught.value)
    assert "\n" not in message
    for part in (
        "the loss is nan at step",
        "epoch",
        "training.optimizer.lr (now 1e+30)",
        "the step size h (now 0.5)",
    ):
        assert part in message
    assert not (tmp_path / "seed-0").exists()


@pytest.mark.parametrize(("layer", "expected"), [(0, "layer 1 of 10 in flow"), (6, "layer 7 of 10 in flow")])
def test_the_first_layer_that_overflows_is_found(small_cell, layer, expected):
    module = assemble(small_cell(network={"dynamics": {"options": {"activation": "identity"}}}), 0)
    module.net.flow.control.K.data[layer] = 1e308
    assert first_nonfinite_layer(module.net, 1e3 * module.data["train"][0]) == expected


def test_weights_that_are_not_finite_are_named(small_cell):
    module = assemble(small_cell(), 0)
    module.net.flow.control.K.data[3, 0, 0] = float("nan")
    assert first_nonfinite_layer(module.net, module.data["train"][0]) == "weights flow.control.K"
