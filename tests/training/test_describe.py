"""What is counted of the published networks."""

from pdebridge.networks.published import PUBLISHED
from pdebridge.training import describe


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
