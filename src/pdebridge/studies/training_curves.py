"""The histories of runs, for figures that set trainings side by side."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd

from pdebridge.files import read_json
from pdebridge.studies.result import StudyResult


def training_curves(runs: list[Path]) -> StudyResult:
    """Return every column of the histories as ``cell/column``, a row a seed and a column an epoch.

    Args:
        runs: run directories.
    """
    rows: dict[str, list[np.ndarray]] = defaultdict(list)
    for folder in runs:
        history, cell = pd.read_csv(folder / "history.csv"), read_json(folder / "run.json")["cell"]["cell"]
        for name in history:
            rows[f"{cell}/{name}"].append(history[name].to_numpy(float))
    return StudyResult([], {name: np.stack(seeds) for name, seeds in rows.items()})
