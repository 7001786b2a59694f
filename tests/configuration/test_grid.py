"""A grid makes cells: named by their values, crossed with the cells that are there, checked as they are."""

from pathlib import Path

import pytest

from pdebridge.configuration.grid import labels, points
from pdebridge.configuration.load import (
    cells,
    merge,
    parse_experiment,
    parse_yaml,
    read_experiment,
    read_yaml,
    settings_from,
)
from pdebridge.configuration.load import with_studies as resolved
from pdebridge.configuration.settings import Settings
from pdebridge.errors import UserError
from pdebridge.training.fingerprint import fingerprint

FIGURE1 = read_yaml(Path("config/experiments/figure1.yaml"))
GRID = {"network.steps": [4, 8, 16], "training.optimizer.iterations": [5, 10]}


def of(change, settings=None):
    return cells(parse_experiment(merge(FIGURE1, change), "figure1.yaml"), settings or Settings())


def test_six_cells_by_name_the_last_key_fastest():
    found = of({"grid": GRID})
    crossed = [cell.cell for cell in found if cell.cell.startswith("T5_")]
    assert crossed == [f"T5_steps-{n}_iterations-{i}" for n in (4, 8, 16) for i in (5, 10)]
    cell = next(cell for cell in found if cell.cell == "T20_steps-8_iterations-5")
    assert (cell.network.steps, cell.training.optimizer.iterations, cell.network.time) == (8, 5, 20)
    assert cell.varied == {"network.steps": 8, "training.optimizer.iterations": 5}


def test_an_only_cell_has_no_part_in_the_names_and_a_grid_of_nothing_changes_nothing():
    assert list(points({"a.steps": [4]}, ["default"], "")) == ["steps-4"]
    assert points({}, ["T5", "T20"], "") == {"T5": ("T5", {}), "T20": ("T20", {})}
    assert labels(["data.name", "network.name", "network.h"]) == {
        "data.name": "data.name",
        "network.name": "network.name",
        "network.h": "h",
    }


def test_its_values_are_not_replaced_and_a_run_by_hand_is_the_same_run():
    override = settings_from({"overrides": {"figure1": {"network": {"steps": 3}, "seeds": 1}}})
    cell = of({"grid": {"network.steps": [8]}}, override)[0]
    assert (cell.network.steps, cell.seeds) == (8, 1)
    by_hand = of({"network": {"steps": 8}})[0]
    assert fingerprint(cell, 0) == fingerprint(by_hand, 0)


def test_another_name_replaces_the_options_of_the_old_one():
    found = of({"grid": {"training.optimizer.name": ["sgd", "adamw"], "training.optimizer.lr": [0.1]}})
    assert {cell.training.optimizer.name for cell in found} == {"sgd", "adamw"}
    assert found[0].cell == "T5_name-sgd_lr-0.1"


def test_a_scale_and_an_override_replace_its_values_and_the_figure_comes_with_it():
    at = parse_experiment(merge(FIGURE1, {"at": {"laptop": {"grid": GRID}}}), "figure1.yaml")
    assert len(cells(at, Settings())) == 12
    assert len(cells(at, Settings(scale="cluster"))) == 2
    more = settings_from({"overrides": {"figure1": {"grid": {"network.steps": [2]}}}})
    assert [cell.cell for cell in cells(read_experiment("figure1"), more)] == ["T5_steps-2", "T20_steps-2"]
    added = resolved(resolved(at, Settings()), Settings())
    assert [study.name for study in added.studies] == ["propagation", "sweep"]
    assert [figure.name for figure in added.figures] == ["figure1", "instability", "sweep"]
    own = merge(FIGURE1, {"grid": GRID, "studies": [{"name": "sweep", "options": {"quantity": "val/loss"}}]})
    assert [study.options for study in resolved(parse_experiment(own, ""), Settings()).studies] == [
        {"quantity": "val/loss"}
    ]


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"network.step": [4]}, "cell 'T5_step-4': network.step: unknown key; did you mean 'steps'?"),
        ({"network.steps": [0]}, "cell 'T5_steps-0': network.steps: Input should be greater than or equal to 1"),
        ({"network.steps": 4}, "grid.network.steps: Input should be a valid list (found 4)"),
        ({"network.steps": []}, "grid.network.steps: List should have at least 1 item"),
        ({"network..steps": [4]}, "String should match pattern"),
        ({"network.steps": [4, 4]}, "grid: two of its cells would be called 'T5_steps-4'"),
        ({"network.dynamics": [{"name": "dense"}]}, "Input should be"),
        ({"scale": ["laptop"]}, "grid: scale: follows from where the cell stands"),
    ],
)
def test_a_mistake_is_one_line(grid, message):
    with pytest.raises(UserError) as caught:
        of({"grid": grid})
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_the_page_s_example_makes_the_cells_that_it_names():
    page = Path("docs/sweeps.md").read_text().split("```yaml\n")[1].split("```")[0]
    names = [cell.cell for cell in cells(parse_experiment(parse_yaml(page, "page"), "page"), Settings())]
    assert len(names) == 6
    assert (names[0], names[-1]) == ("steps-4_decay-0.0001", "steps-16_decay-0.01")
