"""Our own tables: one row a cell, one column a quantity, in the units of their headings."""

from tests.paper.test_verdict import ROW

from pdebridge.paper.beside import verdict_table
from pdebridge.paper.evidence import Evidence
from pdebridge.paper.experiment_tables import all_quantities, of_experiment
from pdebridge.paper.landing import headlines, summary
from pdebridge.paper.pages import results_page
from pdebridge.paper.published import PublishedNumber

FOUND = {
    ("weights", "x", "parameters"): {"values": [23]},
    ("e", "a", "train/loss"): {"values": [0.1, 0.2]},
    ("e", "a", "seconds"): {"values": [3, 3]},
    ("e", "a", "val/accuracy"): {"values": [99.0, 99.0]},
    ("e", "a", "parameters"): {"values": [132, 132]},
    ("e", "a", "memory"): {"values": [2_000_000, 2_000_000]},
    ("e", "b", "val/accuracy"): {"values": [98.0, 98.5]},
    ("g", "d2", "cost/total"): {"values": [10.7, 10.7]},
    ("g", "d2", "parameters"): {"values": [5, 5]},
    ("s", "N10", "bytes"): {"values": [3_000_000]},
    ("s", "N10", "slope"): {"values": [2]},
}


def test_all_quantities_have_one_row_a_cell_and_one_column_a_quantity():
    table = all_quantities(FOUND)
    assert list(table["cell"]) == ["x", "a", "b", "d2", "N10"]
    assert list(table["parameters"]) == ["23", "132", "", "5", ""]


def test_a_trained_experiment_shows_headings_in_their_order_and_units():
    table = of_experiment(FOUND, "e")
    assert list(table) == ["cell", "seeds", "validation (%)", "weights", "seconds", "memory of a step (MB)"]
    assert list(table["memory of a step (MB)"]) == ["2", ""]


def test_a_study_shows_all_that_it_measured():
    assert of_experiment(FOUND, "s").to_dict("records") == [
        {"cell": "N10", "seeds": "1", "memory (MB)": "3", "slope": "2"}
    ]


def test_networks_and_games_have_headlines_of_their_own():
    pages = headlines(FOUND)
    assert list(pages["Networks"]["cell"]) == ["a"]  # nothing was trained in b
    assert list(pages["Mean field games"].iloc[0]) == ["g", "d2", "2", "10.7", "5"]


def test_pages_hold_every_experiment():
    row = PublishedNumber.model_validate(ROW)
    verdicts = verdict_table([row], {"laptop": FOUND}, {"r": {"survey": 8}})
    assert {"a", "d2"} <= {
        cell for name in ("Networks", "Mean field games") for cell in summary(verdicts, FOUND)[name]["cell"]
    }
    page = results_page(verdicts, {"laptop": Evidence(FOUND)})
    assert [line for line in page.splitlines() if line.startswith("### ")] == ["### e", "### g", "### s"]
