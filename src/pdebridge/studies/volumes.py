"""The affected share of the lungs, case by case: its interval, and one network beside another."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pdebridge.configuration.segmentation import SegmentationCell
from pdebridge.datasets.volumes import Volume, Volumes
from pdebridge.studies.gather import gather
from pdebridge.studies.result import Measurement, StudyResult
from pdebridge.training.scans import restore
from pdebridge.training.segmentation import dice, half_width

Column = NDArray[np.float64]


@dataclass(frozen=True)
class Examined:
    """What a trained network says of validation and test cases.

    Args:
        cell: its configuration.
        seed: of its training.
        volumes: the cases.
        masks: predicted labels of the cases of ``val`` and ``test``.
    """

    cell: SegmentationCell
    seed: int
    volumes: Volumes
    masks: dict[str, list[NDArray[np.uint8]]]

    def shares(self, part: str) -> tuple[Column, Column]:
        """Return predicted and true shares of a part's cases, in per cent."""
        true = [self.volumes.share(case.mask) for case in self.volumes.parts[part]]
        return np.array([self.volumes.share(mask) for mask in self.masks[part]]), np.array(true)

    @cached_property
    def interval(self) -> tuple[float, float]:
        """Return the mean error of the validation cases' shares and half the width of the interval of a new case."""
        predicted, true = self.shares("val")
        errors = predicted - true
        return float(errors.mean()), half_width(errors) * (len(errors) + 1) ** 0.5

    @cached_property
    def columns(self) -> dict[str, Column]:
        """Return ``fraction-error`` (points) and ``dice-lung`` and so on (%) of the test cases."""
        predicted, true = self.shares("test")
        pairs = list(zip(self.masks["test"], self.volumes.parts["test"], strict=True))
        scores = {
            f"dice-{name}": np.array([score(mask, case, labels) for mask, case in pairs])
            for name, labels in self.volumes.structures.items()
        }
        return {"fraction-error": np.abs(predicted - true), **scores}


def volumes(runs: list[Path], beside: str = "") -> StudyResult:
    """Measure shares and scores of every test case.

    The errors ``e = f - f*`` of the shares of the ``n`` validation cases, in percentage points, have mean ``m`` and
    deviation ``s``. If errors are normal, the truth of a new case is in ``f - m -+ t s sqrt(1 + 1/n)`` with 95 %, ``t``
    Student's of ``n - 1`` degrees. Quantities of a run: ``fraction/half-width``, half of that interval (points);
    ``fraction/coverage``, the share of test cases whose truth is in it (%); ``fraction/constant-error`` (points), the
    mean error of the training cases' mean share, which needs no network.

    Of a cell beside another: ``paired/fraction-error``, ``paired/dice-lesion`` and so on, the mean over the test cases
    of the seeds of both of what it has less what the other has, with ``-low`` and ``-high``, the ends of the 95 %
    interval of Student's t.

    Arrays of the first seed: ``cases/true``, ``cases/predicted/cell`` and ``cases/interval/cell``, its middle's shift
    and half-width; ``dice/structure/cell``; of two test cases, a small share and the largest, the slice with most of
    it, ``slice/i/image``, ``slice/i/true`` and ``slice/i/predicted/cell``.

    Args:
        runs: run directories of segmentations.
        beside: the cell that the others are compared with; none if empty.
    """
    found = {folder: examined(folder) for folder in runs}
    arrays: dict[str, np.ndarray] = {}
    for run in found.values():
        if run.seed == 0:
            arrays |= of_cases(run) | of_slices(run)
    return StudyResult(gather(found, calibration) + compared(found.values(), beside), arrays)


def examined(folder: Path) -> Examined:
    """Return what the network of a run directory says."""
    run = restore(folder)
    masks = {part: [run.labels(case).numpy() for case in run.volumes.parts[part]] for part in ("val", "test")}
    return Examined(run.cell, run.seed, run.volumes, masks)


def score(predicted: NDArray[np.uint8], case: Volume, labels: tuple[int, ...]) -> float:
    """Return the Dice score of a structure in a case, in per cent."""
    return dice(torch.as_tensor(predicted), torch.as_tensor(case.mask), labels)


def calibration(run: Examined) -> dict[str, float]:
    """Return the interval's half-width, how often it holds, and the error of a constant."""
    (bias, half), (predicted, true) = run.interval, run.shares("test")
    usual = np.mean([run.volumes.share(case.mask) for case in run.volumes.parts["train"]])
    found = {"fraction/constant-error": float(np.abs(usual - true).mean())}
    if np.isfinite(half):
        inside = np.abs(predicted - bias - true) <= half
        found |= {"fraction/half-width": half, "fraction/coverage": 100 * float(inside.mean())}
    return found


def compared(found: Iterable[Examined], beside: str) -> list[Measurement]:
    """Return the mean differences from a cell, case by case, with the ends of their intervals."""
    others = {run.seed: run.columns for run in found if run.cell.cell == beside}
    rows: dict[tuple[str, str, str], list[Column]] = defaultdict(list)
    for run in found:
        if run.cell.cell != beside and run.seed in others:
            for name, values in run.columns.items():
                rows[run.cell.experiment, run.cell.cell, f"paired/{name}"].append(values - others[run.seed][name])
    return [
        Measurement(experiment, cell, quantity + end, [value], [])
        for (experiment, cell, quantity), parts in rows.items()
        for end, value in ends(np.concatenate(parts)).items()
    ]


def ends(differences: Column) -> dict[str, float]:
    """Return the mean of what is finite and, of two or more, the ends of its interval."""
    x = differences[np.isfinite(differences)]
    half = half_width(x)
    found = {"": float(x.mean()), "-low": float(x.mean()) - half, "-high": float(x.mean()) + half}
    return {end: value for end, value in found.items() if np.isfinite(value)}


def of_cases(run: Examined) -> dict[str, np.ndarray]:
    """Return shares, interval and scores of the test cases."""
    predicted, true = run.shares("test")
    cell = run.cell.cell
    found = {"cases/true": true, f"cases/predicted/{cell}": predicted, f"cases/interval/{cell}": np.array(run.interval)}
    scores = {f"dice/{name[5:]}/{cell}": v for name, v in run.columns.items() if name.startswith("dice-")}
    return found | scores


def of_slices(run: Examined) -> dict[str, np.ndarray]:
    """Return one slice of two test cases, that with the most of the part in question."""
    cases, arrays = run.volumes.parts["test"], dict[str, np.ndarray]()
    order = np.argsort(run.shares("test")[1])
    labels = run.volumes.structures[run.volumes.fraction[0]]
    for i, j in enumerate((order[(len(order) - 1) // 3], order[-1])):
        case = cases[j]
        k = int(np.isin(case.mask, labels).sum((1, 2)).argmax())
        arrays |= {f"slice/{i}/image": case.image[k], f"slice/{i}/true": case.mask[k]}
        arrays[f"slice/{i}/predicted/{run.cell.cell}"] = run.masks["test"][j][k]
    return arrays
