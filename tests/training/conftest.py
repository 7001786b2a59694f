"""A small cell that every test of training uses."""

import pytest

from pdebridge.configuration.load import cells, merge, parse_cell, read_experiment, settings_from


@pytest.fixture
def small_cell():
    """Return a function that makes a cell of Figure 1 with a small budget and changes of one's own."""

    def make(**changes):
        override = {"seeds": 1, "training": {"epochs": 3}, **changes}
        settings = settings_from({"overrides": {"figure1": override}})
        return next(cell for cell in cells(read_experiment("figure1"), settings) if cell.cell == "T5")

    return make


@pytest.fixture
def small_game():
    """Return a function that makes a cell of a game with a small budget and changes of one's own."""

    def make(**changes):
        base = {
            "task": "game",
            "experiment": "small",
            "cell": "small",
            "title": "a small game",
            "scale": "test",
            "source": {"reference": "ruthotto2020mfg", "locator": "none"},
            "game": {"name": "gaussian", "d": 2},
            "potential": {"width": 8, "spread": 0.1},
            "training": {
                "optimizer": {"name": "lbfgs"},
                "levels": [{"samples": 64, "iterations": 10}, {"samples": 128, "iterations": 10}],
                "steps": 2,
                "epoch": 5,
                "validation": {"points": 128},
                "evaluation": 256,
            },
            "seeds": 1,
        }
        return parse_cell(merge(base, changes))

    return make


@pytest.fixture
def small_series():
    """Return a function that makes a cell of a series with a small budget and changes of one's own."""

    def make(**changes):
        base = {
            "task": "series",
            "experiment": "small",
            "cell": "small",
            "title": "a small series",
            "scale": "test",
            "source": {"reference": "gonzalez1998identification", "locator": "none"},
            "series": {"name": "burgers", "options": {"points": 32}},
            "sampling": {"interval": 0.1, "samples": 8, "train": 3, "validation": 1, "test": 1},
            "network": {
                "dynamics": {"name": "stencil", "options": {"orders": [0, 1, 2], "taps": 9}},
                "integrator": "etd-rk4",
            },
            "training": {"optimizer": {"name": "lbfgs", "iterations": 5}, "epochs": 3},
            "seeds": 1,
        }
        return parse_cell(merge(base, changes))

    return make
