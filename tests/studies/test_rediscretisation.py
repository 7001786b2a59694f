"""A trained control in other numbers of steps: the study against the flow by hand, and its figure."""

import numpy as np
import pytest
import torch

from pdebridge.paper import rediscretisation as figure
from pdebridge.studies.rediscretisation import STEPS, rediscretisation
from pdebridge.training.restore import restore


def test_the_study_and_its_figure(trained, tmp_path) -> None:
    runs = [trained(f"rediscretisation/{cell}") for cell in ("constant", "piecewise-linear", "resnet")]
    arrays = rediscretisation(runs).arrays
    assert arrays["steps"].tolist() == list(STEPS) and arrays["resnet/trained"].tolist() == [16]
    for cell, order in (("constant", 4), ("piecewise-linear", 4), ("resnet", 1)):
        assert abs(arrays[f"{cell}/order"][0] - order) < 0.3
        assert arrays[f"{cell}/error"].shape == arrays[f"{cell}/accuracy"].shape == (1, len(STEPS))
        assert (np.diff(arrays[f"{cell}/error"][0, 2:]) < 0).all()
    figure.draw(arrays, tmp_path / "rediscretisation")
    assert (tmp_path / "rediscretisation.png").stat().st_size > 20_000


def test_the_steps_of_the_training_give_the_trained_network(trained) -> None:
    folder = trained("rediscretisation/resnet")
    run = restore(folder)
    y, c = run.data["val"]
    with torch.no_grad():
        accuracy = 100 * float((run.net(y).argmax(1) == c).double().mean())
    found = {m.quantity: m.values for m in rediscretisation([folder]).measurements}
    assert found["N-16/accuracy"] == [pytest.approx(accuracy)] and found["trained/N"] == [16]
