"""The LightningModule for segmentation, whatever the network."""

from statistics import mean
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import t as student
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import AdamW
from torch.optim.lr_scheduler import CosineAnnealingLR
from torchmetrics.functional.segmentation import dice_score

from pdebridge.configuration.segmentation import SegmentationCell
from pdebridge.datasets.volumes import Volumes
from pdebridge.gradients.reversible import Reversible
from pdebridge.networks.regularisation import flows
from pdebridge.training import scans
from pdebridge.training.construct import DTYPES
from pdebridge.training.divergence import first_nonfinite_layer
from pdebridge.training.scans import Batch, Cases
from pdebridge.training.task import Figures, Task

SMOOTH = 1.0  # voxels: a class that is neither there nor predicted scores 1


def soft_dice(values: Tensor, c: Tensor) -> Tensor:
    """Return the mean over cases and classes of ``(2 sum p q + s) / (sum p + sum q + s)``, ``s`` one voxel.

    Args:
        values: logits ``(batch, classes, *voxels)``, ``p`` their softmax.
        c: labels ``(batch, *voxels)``, ``q`` one where the label is the class.
    """
    classes = torch.arange(values.shape[1], device=c.device)[:, None]
    p, q = values.softmax(1).flatten(2), c.flatten(1)[:, None] == classes  # one byte a class and voxel, not eight
    return ((2 * (p * q).sum(2) + SMOOTH) / (p.sum(2) + q.sum(2) + SMOOTH)).mean()


def dice(predicted: Tensor, true: Tensor, labels: tuple[int, ...]) -> float:
    """Return the Dice score ``2 |A and B| / (|A| + |B|)`` of a structure in per cent; of nothing in nothing NaN."""
    a, b = (torch.isin(mask, torch.tensor(labels)).long()[None, None] for mask in (predicted, true))
    return 100 * float(dice_score(a, b, num_classes=1, average="none", input_format="one-hot"))


class Segmentation(Task):
    """Minimise ``a (1 - D) + b E`` of whole volumes: `soft_dice` and the cross-entropy, mean over the voxels.

    Args:
        net: from images to logits.
        cell: the budget.
        seed: of the order of the cases and their distortions.
        found: the cases.
    """

    def __init__(self, net: nn.Module, cell: SegmentationCell, seed: int, found: Volumes) -> None:
        super().__init__(net, cell.epochs, seed)
        self.spec, self.found, self.unit = cell.training, found, cell.spacing
        self.tested: list[Figures] = []

    def loaders(self) -> tuple[Cases, Cases]:
        """Return the training cases, shuffled and distorted, and those of validation."""
        spec, dtype = self.spec, DTYPES[self.spec.precision]
        train = Cases(self.found.parts["train"], dtype, spec.batch_size, self.seed, spec.augmentation)
        return train, Cases(self.found.parts["val"], dtype)

    def logits(self, x: Tensor, spacing: tuple[float, ...]) -> Tensor:
        """Return the network's values in the precision of the training, for a loss in that of ``x``."""
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.spec.precision == "bf16-mixed"):
            return scans.logits(self.net, x, [h / self.unit for h in spacing]).to(x.dtype)

    def objective(self, batch: Batch) -> Tensor:
        """Return the weighted loss of a batch."""
        x, c, spacing = batch
        values = self.logits(x, spacing)
        return self.spec.dice * (1 - soft_dice(values, c)) + self.spec.cross_entropy * cross_entropy(values, c)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Tie dropout and the like to (seed, step)."""
        self.tie_randomness()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the objective on a batch."""
        loss = self.objective(batch)
        self.losses.append(loss.detach())
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Gather loss, scores and error of the fraction of one case."""
        self.tested.append(self.measured(batch))

    def measured(self, batch: Batch) -> Figures:
        """Return the loss of one case, Dice of its structures (%), and the signed error of its fraction (points)."""
        x, c, spacing = batch
        predicted, true = self.logits(x, spacing)[0].argmax(0).cpu(), c[0].cpu()
        scores = {f"dice-{name}": dice(predicted, true, labels) for name, labels in self.found.structures.items()}
        bias = self.found.share(predicted.numpy()) - self.found.share(true.numpy())
        return {"loss": float(self.objective(batch)), **scores, "bias": bias}

    def epoch_figures(self) -> Figures:
        """Return and forget the figures gathered since the last call."""
        figures = {"train/loss": float(torch.stack(self.losses).mean()), **over_cases(self.tested, "val")}
        self.losses, self.tested = [], []
        if self.spec.select == "best":
            self.keep_if_best(-mean(value for name, value in figures.items() if name.startswith("val/dice-")))
        return figures | self.reversal()

    def reversal(self) -> Figures:
        """Return the largest relative error of what flows found again backwards in the last step."""
        modes = [flow.gradient for flow in flows(self.net) if isinstance(flow.gradient, Reversible)]
        errors = [float(mode.error) for mode in modes if mode.error is not None]
        return {"reversal/error": max(errors)} if errors else {}

    @torch.no_grad()
    def summary(self, last: Figures) -> Figures:
        """Return what `over_cases` says of validation and test, the number of weights and the memory of a step."""
        if self.spec.select == "best":
            self.return_to_best()
        found: Figures = {"train/objective": last["train/loss"]}
        for part in ("val", "test"):
            cases = Cases(self.found.parts[part], DTYPES[self.spec.precision])
            found |= over_cases([self.measured(self.here(batch)) for batch in cases], part)
        found |= {name: value for name, value in last.items() if name == "reversal/error"}
        parameters = float(sum(p.numel() for p in self.net.parameters()))
        return found | {"parameters": parameters, "memory": float(self.memory())}

    def here(self, batch: Batch) -> Batch:
        """Return a batch on the training's device."""
        x, c, spacing = batch
        return x.to(self.device), c.to(self.device), spacing

    def memory(self) -> int:
        """Return the most bytes that a forward and a backward pass of one batch have alive among what they make."""
        batch = self.here(next(iter(self.loaders()[0])))
        return self.peak(lambda: self.objective(batch))

    def blame(self, batch: Batch) -> str:
        """Return the first layer that is not finite, and the rate to lower."""
        first = first_nonfinite_layer(self.net, batch[0])
        return f"first in {first}; lower training.optimizer.lr (now {self.spec.optimizer.lr:g})"

    def configure_optimizers(self) -> Any:
        """Return Adam with a cosine rate to zero over all epochs."""
        spec = self.spec.optimizer
        found = AdamW(self.net.parameters(), lr=spec.lr, weight_decay=spec.weight_decay)
        return {"optimizer": found, "lr_scheduler": CosineAnnealingLR(found, self.epochs)}


def over_cases(cases: list[Figures], part: str) -> Figures:
    """Return means over the cases: loss, Dice, bias and absolute error of the fraction with the ends of its interval.

    ``part/fraction-error`` is ``mean |f - f*|`` in percentage points; ``-low`` and ``-high`` are the ends of the 95 %
    interval of Student's t over the cases, where there are two. Structures that are nowhere have no score.
    """
    columns = {name: [case[name] for case in cases] for name in cases[0]}
    bias = columns.pop("bias")
    found = {f"{part}/{name}": float(np.nanmean(values)) for name, values in columns.items() if not all_nan(values)}
    errors = np.abs(bias)
    found |= {f"{part}/fraction-bias": mean(bias), f"{part}/fraction-error": float(errors.mean())}
    if len(errors) < 2:
        return found
    half = half_width(errors)
    ends = {"low": max(float(errors.mean()) - half, 0.0), "high": float(errors.mean()) + half}
    return found | {f"{part}/fraction-error-{end}": value for end, value in ends.items()}


def half_width(values: NDArray[np.float64]) -> float:
    """Return half the 95 % interval of a mean by Student's t, ``t s / sqrt(n)``; infinite of one value."""
    n = len(values)
    return float(student.ppf(0.975, n - 1)) * float(values.std(ddof=1)) / n**0.5 if n > 1 else float("inf")


def all_nan(values: list[float]) -> bool:
    """Tell whether no case has a value."""
    return bool(np.isnan(values).all())


def assemble(cell: SegmentationCell, seed: int) -> Segmentation:
    """Return the module with freshly initialised weights, and its cases."""
    found = scans.volumes(cell, seed)
    torch.manual_seed(seed)
    net = scans.checked(scans.network(cell, found.classes), cell, found)
    return Segmentation(net, cell, seed, found)
