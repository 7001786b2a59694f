"""What a study returns, and what every table is made of."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Measurement:
    """Values of one quantity of a cell, one a seed, with the run directories that they came from.

    Quantities are named by path, ``val/accuracy``; accuracies and errors are in per cent, times in seconds, memory in
    bytes.
    """

    experiment: str
    cell: str
    quantity: str
    values: list[float]
    runs: list[str]


@dataclass(frozen=True)
class StudyResult:
    """Quantities for the tables and arrays, by name, for the figures."""

    measurements: list[Measurement]
    arrays: dict[str, np.ndarray[Any, Any]] = field(default_factory=dict)
