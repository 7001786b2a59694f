"""Trainings of one network by several methods, against time and iterations."""

import numpy as np

from pdebridge.paper import control_methods
from pdebridge.studies.training_curves import training_curves

ITERATIONS = {"lbfgs": 5, "sgd": 1, "one-shot": 1, "gauss-newton": 1, "newton-cg": 1, "e-msa": 1}


def test_every_method_trains_the_same_network_and_counts_its_iterations(trained, tmp_path) -> None:
    arrays = training_curves([trained(f"control-methods/{method}") for method in ITERATIONS]).arrays
    assert {method: arrays[f"{method}/iterations"].item() for method in ITERATIONS} == ITERATIONS
    starts = [arrays[f"{method}/train/loss"].item() for method in ("one-shot", "lbfgs")]
    assert 0 < abs(starts[0] - starts[1]) < 0.01, "of the same weights, by two cycles and by the serial loop"
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
