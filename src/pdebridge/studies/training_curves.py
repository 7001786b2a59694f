"""The histories of runs, for figures that set trainings side by side."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd

from pdebridge.configuration.classification import ClassificationCell
from pdebridge.configuration.load import parse_cell
from pdebridge.files import read_json
from pdebridge.studies.result import StudyResult


def training_curves(runs: list[Path]) -> StudyResult:
    """Return every column of the histories as ``cell/column``, a row a seed and a column an epoch.

    ``cell/iterations`` is the number of iterations of every epoch, of the optimiser's own count; of a method that
    sees batches, an epoch is one.

    Args:
        runs: run directories of classifications.
    """
    rows: dict[str, list[np.ndarray]] = defaultdict(list)
    for folder in runs:
        history, cell = pd.read_csv(folder / "history.csv"), parse_cell(read_json(folder / "run.json")["cell"])
        assert isinstance(cell, ClassificationCell)
        history["iterations"] = cell.training.optimizer.iterations_an_epoch
        for name in history:
            rows[f"{cell.cell}/{name}"].append(history[name].to_numpy(float))
    return StudyResult([], {name: np.stack(seeds) for name, seeds in rows.items()})
