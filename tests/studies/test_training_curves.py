"""Trainings of one network by several methods, against time and iterations."""

import numpy as np
import torch

from pdebridge.configuration.load import parse_cell
from pdebridge.files import read_json
from pdebridge.paper import control_methods
from pdebridge.studies.training_curves import training_curves
from pdebridge.training.classification import assemble

ITERATIONS = {"lbfgs": 5, "sgd": 1, "one-shot": 1, "gauss-newton": 1, "newton-cg": 1, "e-msa": 1}


def test_every_method_trains_the_same_network_and_counts_its_iterations(trained, tmp_path) -> None:
    runs = {method: trained(f"control-methods/{method}") for method in ITERATIONS}
    arrays = training_curves(list(runs.values())).arrays
    assert {method: arrays[f"{method}/iterations"].item() for method in ITERATIONS} == ITERATIONS
    task = assemble(parse_cell(read_json(runs["one-shot"] / "run.json")["cell"]), 0)
    x, c = task.data["train"]
    with torch.no_grad():  # then the flow is the serial loop
        start = task.objective(task.net(x), c).item()
    assert 0 < abs(arrays["one-shot/train/loss"].item() - start) < 0.01, "of the same weights, by two cycles"
    control_methods.draw(arrays, tmp_path / "methods")
    assert (tmp_path / "methods.png").stat().st_size > 10_000


def test_the_figure_draws_every_cell_there_is(monkeypatch, tmp_path) -> None:
    drawn: dict[str | None, np.ndarray] = {}
    band = control_methods.band

    def recorded(ax: object, x: np.ndarray, rows: np.ndarray, color: str, label: str | None = None) -> None:
        drawn[label] = x
        band(ax, x, rows, color, label)

    monkeypatch.setattr(control_methods, "band", recorded)
    columns = {"seconds": [1.0, 2.0], "iterations": [4.0, 4.0], "train/loss": [3.0, 2.0]}
    rows = {name: np.array([row, row]) for name, row in columns.items()}
    control_methods.draw(
        {f"{cell}/{name}": a for cell in ("a", "of-ones-own") for name, a in rows.items()}, tmp_path / "f"
    )
    assert set(drawn) == {"a", "of-ones-own", None}
    assert drawn[None].tolist() == [4, 8]
