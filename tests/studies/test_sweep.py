"""Six cells of a grid, by the verbs that the workflow calls: trained, tabulated with their keys, and drawn."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pdebridge.cli import main
from pdebridge.configuration.load import cells, read_experiment, settings_from
from pdebridge.errors import UserError
from pdebridge.files import read_json, write_json
from pdebridge.paper import sweep as figure
from pdebridge.studies.sweep import sweep

GRID = {"network.steps": [4, 8, 16], "training.decay": [1e-4, 1e-2]}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Train the six cells in a moment; return their files of measurements."""
    folder = tmp_path_factory.mktemp("grid")
    override = {"grid": GRID, "seeds": 2, "training": {"epochs": 2}}
    settings = settings_from({"overrides": {"figure1": override}})
    wanted = [cell for cell in cells(read_experiment("figure1"), settings) if cell.cell.startswith("T5")]
    files = [folder / "runs" / "figure1" / f"{cell.cell}.json" for cell in wanted]
    resolved = [cell.model_dump_json() for cell in wanted]
    assert main(["train", "--resolved", *resolved, "--out", *map(str, files)]) == 0
    return folder, files


def test_the_table_has_the_keys_as_columns(trained):
    folder, files = trained
    assert main(["table", *map(str, files), "--out", str(folder / "paper")]) == 0
    table = pd.read_csv(folder / "paper" / "tables" / "figure1.csv")
    assert list(table.columns[:4]) == ["cell", "steps", "decay", "seeds"]
    assert table["steps"].tolist() == [4, 4, 8, 8, 16, 16]
    assert table["decay"].tolist() == [1e-4, 1e-2] * 3
    every = pd.read_csv(folder / "paper" / "experiments.csv")
    assert every["network.steps"].tolist() == [4, 4, 8, 8, 16, 16]


def test_the_study_has_every_value_and_the_figure_is_drawn(trained):
    folder, files = trained
    stem = str(folder / "sweep")
    assert main(["study", "sweep", *map(str, files), "--out", stem]) == 0
    with np.load(f"{stem}.npz") as arrays:
        assert [str(key) for key in arrays["keys"]] == list(GRID)
        assert arrays["key/0"].tolist() == [4, 4, 8, 8, 16, 16]
        summaries = [read_json(run / "summary.json") for run in runs_of(files)]
        assert arrays["values"].ravel().tolist() == [s["val/accuracy"] for s in summaries]
    assert main(["figure", "sweep", f"{stem}.npz", "--out", str(folder / "drawn-0.1")]) == 0
    assert (folder / "drawn-0.1.png").stat().st_size > 20_000
    assert (folder / "drawn-0.1.pdf").read_bytes().startswith(b"%PDF")


def test_what_it_cannot_measure_is_named(trained):
    runs = runs_of(trained[1])
    with pytest.raises(UserError, match="no quantity 'val/acuracy'; there are: train/loss"):
        sweep(runs, quantity="val/acuracy")


def test_without_a_grid_it_says_what_is_missing(tmp_path):
    write_json(tmp_path / "run.json", {"cell": {"cell": "T5", "varied": {}}})
    write_json(tmp_path / "summary.json", {"val/accuracy": 1.0})
    with pytest.raises(UserError, match="needs an experiment with a grid"):
        sweep([tmp_path])


def test_seeds_may_differ_texts_have_places_and_decades_a_logarithmic_axis(tmp_path, monkeypatch):
    for name, rate, values in [("sgd", 0.1, [1]), ("adamw", 0.1, [2, 4]), ("adamw", 0.001, [3, 5])]:
        for seed, value in enumerate(values):
            run, cell = tmp_path / f"{values}-{seed}", f"name-{name}_lr-{rate}"
            write_json(run / "run.json", {"cell": {"cell": cell, "varied": {"a.name": name, "a.lr": rate}}})
            write_json(run / "summary.json", {"val/loss": value})
    arrays = sweep(sorted(tmp_path.iterdir())).arrays
    assert str(arrays["quantity"]) == "val/loss"
    assert np.array_equal(arrays["values"], [[1, np.nan], [2, 4], [3, 5]], equal_nan=True)
    assert arrays["key/0"].tolist() == ["sgd", "adamw", "adamw"]
    drawn, original = {}, figure.lines

    def look(ax, *arguments):
        original(ax, *arguments)
        drawn["scale"], drawn["labels"] = ax.get_xscale(), [text.get_text() for text in ax.get_legend().get_texts()]

    monkeypatch.setattr(figure, "lines", look)
    figure.draw(arrays, tmp_path / "figure")
    assert drawn == {"scale": "log", "labels": ["name = sgd", "name = adamw"]}


def test_several_cells_are_lines_of_their_own(tmp_path):
    for name in ("T5_steps-4", "T5_steps-8", "T20_steps-4", "T20_steps-8"):
        write_json(tmp_path / name / "run.json", {"cell": {"cell": name, "varied": {"a.steps": int(name[-1])}}})
        write_json(tmp_path / name / "summary.json", {"val/accuracy": 1})
    arrays = sweep(sorted(tmp_path.iterdir())).arrays
    assert arrays["keys"].tolist() == ["cell", "a.steps"]
    assert arrays["key/0"].tolist() == ["T20", "T20", "T5", "T5"]


def runs_of(files):
    return [Path(run) for file in files for run in json.loads(file.read_text())["runs"]]
