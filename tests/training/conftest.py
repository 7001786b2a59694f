"""A small cell that every test of training uses."""

import pytest

from pdebridge.configuration.load import cells, read_experiment, settings_from


@pytest.fixture
def small_cell():
    """Return a function that makes a cell of Figure 1 with a small budget and changes of one's own."""

    def make(**changes):
        override = {"seeds": 1, "training": {"epochs": 3}, **changes}
        settings = settings_from({"overrides": {"figure1": override}})
        return next(cell for cell in cells(read_experiment("figure1"), settings) if cell.cell == "T5")

    return make
