"""What is counted of the published networks."""

import pytest

from pdebridge.errors import UserError
from pdebridge.networks.published import PUBLISHED
from pdebridge.training import construct, describe


def test_flows_are_counted_apart(monkeypatch) -> None:
    names = ("odenet-mnist-conv", "resnet-1-mnist-conv", "higham-2-2-3-2")
    monkeypatch.setattr(describe, "PUBLISHED", {name: PUBLISHED[name] for name in names})
    found = {m["cell"]: m["values"][0] for m in describe.published_counts()}
    assert found == {
        "odenet-mnist-conv": 208_266,
        "odenet-mnist-conv/flows": 75_392,
        "resnet-1-mnist-conv": 206_858,
        "resnet-1-mnist-conv/flows": 73_984,
        "higham-2-2-3-2": 23,
    }


def test_devices_that_cannot_share_the_last_batch_are_refused_before_a_training(small_cell) -> None:
    """200 samples in batches of 74 leave 2 to the last one, which 3 devices cannot share; 2 can."""
    changes = {"training": {"batch_size": 74, "optimizer": {"name": "sgd", "lr": 0.01}}}
    n = len(construct.samples(small_cell(**changes), 0)[0]["train"][0])
    assert n % 74 == 2
    describe.weight_counts([small_cell(devices=2, **changes)])
    with pytest.raises(
        UserError, match=rf"cell 'T5': devices: at most 2, .* batch of {n} in batches of 74 \(found 3\)"
    ):
        describe.weight_counts([small_cell(devices=3, **changes)])
