"""What every data set is: features and labels for training, validation and, where there is one, test."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.floating[Any]]
Labels = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class DataSet:
    """Features ``x`` of shape (samples, ...) and labels ``c`` of shape (samples,) in ``0, ..., classes - 1``.

    Features are float64 for points and spectra and float32 for images, which have the shape (samples, channels, rows,
    columns). A set without a published test set has None there. Raises ``ValueError`` if the parts do not fit together.
    """

    x_train: Features
    c_train: Labels
    x_validation: Features
    c_validation: Labels
    x_test: Features | None
    c_test: Labels | None
    classes: int

    def __post_init__(self) -> None:
        self._check("train", self.x_train, self.c_train)
        self._check("validation", self.x_validation, self.c_validation)
        if self.x_test is not None and self.c_test is not None:
            self._check("test", self.x_test, self.c_test)
        elif self.x_test is not None or self.c_test is not None:
            raise ValueError("x_test and c_test must both be given or both be None")

    def _check(self, part: str, x: Features, c: Labels) -> None:
        if not np.issubdtype(x.dtype, np.floating) or c.dtype != np.int64:
            raise ValueError(f"the {part} part needs floating features and int64 labels, not {x.dtype} and {c.dtype}")
        if c.shape != x.shape[:1] or x.shape[1:] != self.x_train.shape[1:]:
            raise ValueError(f"the {part} part has features {x.shape} and labels {c.shape} that do not fit together")
        if len(c) and not 0 <= c.min() <= c.max() < self.classes:
            raise ValueError(f"the {part} labels must lie in 0, ..., {self.classes - 1}, not {c.min()}, ..., {c.max()}")


def at_least_one(**sizes: int) -> None:
    """Raise ``ValueError`` unless each named size is a whole number of at least 1."""
    for name, size in sizes.items():
        if not isinstance(size, int | np.integer) or isinstance(size, bool) or size < 1:
            raise ValueError(f"{name} must be a whole number of at least 1, not {size!r}")


def positive(**numbers: float) -> None:
    """Raise ``ValueError`` unless each named number is finite and greater than 0."""
    for name, number in numbers.items():
        if not (np.isfinite(number) and number > 0):
            raise ValueError(f"{name} must be a positive number, not {number!r}")
