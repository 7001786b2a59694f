"""Run directories of networks that were trained for one epoch."""

from pathlib import Path

import pytest

from pdebridge.bench.training import OFF
from pdebridge.configuration.load import cells, read_experiment, settings_from
from pdebridge.training.fit import train_seed
from pdebridge.training.progress import Progress


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Return a function from ``experiment/cell`` to its first run directory, trained once for all tests."""
    folder, done = tmp_path_factory.mktemp("runs"), {}

    def run(what: str) -> Path:
        if what not in done:
            experiment, name = what.split("/")
            settings = settings_from({"scale": "test", "limits": {"seeds": 1, "epochs": 1}})
            (cell,) = (c for c in cells(read_experiment(experiment), settings) if c.cell == name)
            done[what] = folder / what / "seed-0"
            train_seed(cell, 0, done[what], Progress(what, 1, 1), OFF, [])
        return done[what]

    return run
