"""What every data set of volumes is: images with masks, their spacing, and the structures that are asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

WINDOW = (-1250.0, 250.0)
"""Hounsfield units that become 0 and 1, those of the second half of the public cases."""


LESIONS_OF_LUNGS: dict[str, tuple[int, ...]] = {"lung": (1, 2), "lesion": (2,)}
"""Structures by their labels where healthy lung is 1 and its lesions are 2."""
AFFECTED = ("lesion", "lung")
"""The share of the lungs that is asked for."""


@dataclass(frozen=True, eq=False)
class Volume:
    """One case: an image, a label at every voxel, and how far voxels are apart.

    Args:
        name: of the case.
        image: ``(slices, rows, columns)`` or ``(rows, columns)``, float32, about 0 to 1.
        mask: labels of the same shape, uint8.
        spacing: millimetres along each axis.

    Raises:
        ValueError: the shapes differ, an axis has no positive spacing, or the image is not finite.
    """

    name: str
    image: NDArray[np.float32]
    mask: NDArray[np.uint8]
    spacing: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.image.ndim not in (2, 3) or self.image.shape != self.mask.shape:
            raise ValueError(f"{self.name}: an image {self.image.shape} with a mask {self.mask.shape}: not one grid")
        if len(self.spacing) != self.image.ndim or not all(np.isfinite(h) and h > 0 for h in self.spacing):
            raise ValueError(f"{self.name}: {self.image.ndim} axes with spacing {self.spacing}")
        if not np.isfinite(self.image).all():
            raise ValueError(f"{self.name}: the image is not finite")


@dataclass(frozen=True, eq=False)
class Volumes:
    """Cases for training, validation and test.

    Args:
        parts: cases of ``train``, ``val`` and ``test``.
        classes: labels are ``0, ..., classes - 1``.
        structures: the labels that make each structure; one may be part of another.
        fraction: the structures whose volumes are divided, part and whole.

    Raises:
        ValueError: a part has no case, or a mask has another label.
    """

    parts: Mapping[str, Sequence[Volume]]
    classes: int
    structures: Mapping[str, tuple[int, ...]]
    fraction: tuple[str, str]

    def __post_init__(self) -> None:
        for part, cases in self.parts.items():
            if not cases:
                raise ValueError(f"the part {part} has no case")
            for case in cases:
                if case.mask.max() >= self.classes:
                    valid = f"0, ..., {self.classes - 1}"
                    raise ValueError(f"{case.name}: the mask has the label {case.mask.max()}, valid: {valid}")

    def share(self, mask: NDArray[Any]) -> float:
        """Return the volume of the first structure of `fraction` in that of the second, in per cent; 0 of nothing."""
        part, whole = (float(np.isin(mask, self.structures[name]).sum()) for name in self.fraction)
        return 100 * part / whole if whole else 0.0


def divided(cases: Sequence[Volume], validation: int, test: int) -> dict[str, Sequence[Volume]]:
    """Return the parts of some cases: the last ones are of the test, those before them of validation."""
    ends = len(cases) - validation - test, len(cases) - test
    return {"train": cases[: ends[0]], "val": cases[ends[0] : ends[1]], "test": cases[ends[1] :]}


def window(hounsfield: NDArray[Any]) -> NDArray[np.float32]:
    """Return Hounsfield units as numbers from 0 to 1, cut at `WINDOW`."""
    low, high = WINDOW
    return np.clip((hounsfield - low) / (high - low), 0, 1).astype(np.float32)
