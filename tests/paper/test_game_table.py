"""The table of games has one row a cell, by dimension, with what was measured."""

import pytest

from pdebridge.paper.certificates import BOUND, PROOF, certified_table, tally
from pdebridge.paper.experiment_tables import of_experiment
from pdebridge.paper.game_table import game_table


def found(cells):
    return {
        ("transport", cell, quantity): {"values": values}
        for cell in cells
        for quantity, values in {"cost/total": [10.7, 10.8], "refinement/flag": [0.0, 1.0]}.items()
    }


def test_rows_are_in_the_order_of_the_dimension():
    table = game_table(found(["d100", "d2", "d10"]))
    assert list(table["cell"]) == ["d2", "d10", "d100"]
    assert list(table["integrator exploited"]) == ["yes"] * 3
    assert table["L+F+G"][0].startswith("10.75")
    assert table[BOUND][0] == ""


def test_there_may_be_no_games():
    table = game_table({("figure1", "T5", "val/accuracy"): {"values": [99.0]}})
    assert len(table) == 0
    assert "L+F+G" in table


def test_a_bound_that_is_lost_in_its_noise_is_said_in_words():
    figures = {"cost/total": [480.0, 490.0], "certificate/bound": [300.0, -900.0], "certificate/gap": [180.0, 1390.0]}
    for errors, words in (([1.0, 2.0], "-300 ± "), ([1.0, 240.0], "meaningless: standard error 50 % of the cost")):
        found = {
            ("games", "d100", name): {"values": values}
            for name, values in (figures | {"certificate/error": errors}).items()
        }
        assert game_table(found)[BOUND][0].startswith(words)
        assert of_experiment(found, "games")[BOUND][0].startswith(words)
        assert game_table(found)["L+F+G"][0].startswith("485")


@pytest.mark.parametrize(
    ("proofs", "word", "bound"),
    [([2.0, 2.0], "proved", "9"), ([2.0, 1.0], "estimated", "9 (estimated)"), (None, "estimated", "9 (estimated)")],
)
def test_an_estimate_is_never_shown_without_the_word(proofs, word, bound):
    """The weakest seed decides; what was stored before there were words is an estimate."""
    figures = {"cost/total": [10.0, 10.0], "certificate/bound": [9.0, 9.0], "certificate/gap": [1.0, 1.2]}
    figures["parameters"] = [5.0, 5.0]
    figures |= {"certificate/proof": proofs} if proofs else {}
    found = {("games", "d2", name): {"values": values} for name, values in figures.items()}
    assert game_table(found)[BOUND][0] == bound
    assert of_experiment(found, "games")[BOUND][0] == bound
    table = certified_table(found)
    assert table.iloc[0].tolist() == ["games", "d2", word, "10", bound, "12"]


def test_a_game_without_a_bound_is_listed_as_such():
    figures = {"cost/total": [10.0], "certificate/proof": [0.0], "parameters": [5.0]}
    found = {("games", "d2", name): {"values": values} for name, values in figures.items()}
    found["games", "d2-mesh-8x8x4", "cost/total"] = {"values": [11.0]}
    assert certified_table(found).to_numpy().tolist() == [["games", "d2", "none", "10", "", ""]]
    assert game_table(found)[PROOF][0] == "none"
    assert certified_table({("figure1", "T5", "val/accuracy"): {"values": [99.0]}}).empty


def test_games_of_all_scales_are_counted_by_what_is_proved_of_them():
    def one(proof):
        figures = {"cost/total": [10.0], "certificate/proof": [proof], "parameters": [5.0]}
        return certified_table({("games", "d2", name): {"values": values} for name, values in figures.items()})

    assert tally([one(2.0), one(1.0), one(2.0)]) == "Of 3 games, 2 proved, 1 estimated, 0 without a bound"
