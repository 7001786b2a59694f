"""The LightningModule for series, whatever the equation and the flow that is to reproduce it."""

from typing import Any

import torch
from torch import Tensor
from torch.optim import LBFGS, AdamW, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR

from pdebridge.configuration.series import SeriesCell
from pdebridge.datasets.series import Series
from pdebridge.networks.flow import Flow
from pdebridge.optimisation.series import LeastSquares, residuals
from pdebridge.training import trajectories
from pdebridge.training.batches import Batches
from pdebridge.training.task import Figures, Task

EVALUATED = 4096  # pieces at once where no gradient is needed


class TimeSeries(Task):
    """Minimise ``sum_j |Phi^j(u_0) - u_j|^2`` over pieces ``u_0, ..., u_n`` of trajectories, ``Phi`` over one interval.

    The loss is relative to that of ``Phi(u) = u``, for which it is 1. At the end of an epoch it is measured on pieces
    of other trajectories; the weights of the least one are kept as a copy, and are the result.

    Args:
        net: ``Phi``.
        cell: the budget.
        seed: of the shuffling.
        found: the trajectories.
    """

    net: Flow

    def __init__(self, net: Flow, cell: SeriesCell, seed: int, found: Series) -> None:
        super().__init__(net, cell.epochs, seed)
        self.spec, self.truth, self.pieces = cell.training, found.coefficients, trajectories.cut(cell, found)
        u = self.pieces["train"][:, :, :1]
        self.unit = float((u[:, 1:] - u[:, :1]).square().mean())
        self.tested: list[Tensor] = []

    def loaders(self) -> tuple[Batches, Batches]:
        """Return shuffled batches of the training pieces, each as its first state and the others, and validation."""
        train, validation = self.pieces["train"], self.pieces["validation"]
        batches = Batches(train[:, 0], train[:, 1:], self.spec.batch_size, self.seed)
        return batches, Batches(validation[:, 0], validation[:, 1:], EVALUATED)

    def misses(self, first: Tensor, others: Tensor) -> Tensor:
        """Return ``Phi^j(u_0) - u_j`` of the field, ``(steps, batch, 1, points)``."""
        return residuals(self.net, torch.cat([first[:, None], others], 1))[:, :, :1]

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Show the pieces to a method that wants more of them than a gradient."""
        method = self.optimizers(use_pl_optimizer=False)
        if isinstance(method, LeastSquares):
            first, others = batch
            method.samples = torch.cat([first[:, None], others], 1)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Return the loss on a batch."""
        loss = self.misses(*batch).square().mean() / self.unit
        self.losses.append(loss.detach())
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Gather the sums of squares of all steps, of the first, and of what it should have been."""
        first, others = batch
        missed, true = self.misses(first, others), others[:, 0, :1]
        sums = missed.square().mean((1, 2, 3)).mean(), missed[0].square().mean(), true.square().mean()
        self.tested.append(torch.stack(sums).double() * len(first))

    def epoch_figures(self) -> Figures:
        """Return and forget the figures gathered since the last call; keep the weights if they are the best so far."""
        total, one, size = (torch.stack(self.tested).sum(0) / len(self.pieces["validation"])).tolist()
        figures = {
            "train/loss": float(self.losses[-1] if self.spec.batch_size is None else torch.stack(self.losses).mean()),
            "val/loss": total / self.unit,
            "val/one-step": 100 * (one / size) ** 0.5,
        }
        self.losses, self.tested = [], []
        self.keep_if_best(figures["val/loss"])
        return figures

    @torch.no_grad()
    def summary(self, last: Figures) -> Figures:
        """Return to the best weights and measure every part.

        ``part/loss`` is relative to that of no change; ``part/one-step`` (%) is the error of one interval, relative to
        the size of ``u``; ``coefficient/u-xx`` and so on where the weights are those of an equation, and
        ``coefficient/error`` (%), the largest, where it is known.
        """
        self.return_to_best()
        found: Figures = {}
        for part, u in self.pieces.items():
            u = u.to(self.device)
            missed, name = self.misses(u[:, 0], u[:, 1:]), part.replace("validation", "val")
            found[f"{name}/loss"] = float(missed.square().mean()) / self.unit
            found[f"{name}/one-step"] = 100 * float(missed[0].norm() / u[:, 1, :1].norm())
        return found | self.equation() | {"parameters": sum(p.numel() for p in self.net.parameters())}

    def equation(self) -> Figures:
        """Return the coefficients that can be read off, and the largest of their errors relative to the largest."""
        found = trajectories.coefficients(self.net)
        figures = {f"coefficient/{trajectories.slug(name)}": value for name, value in found.items()}
        if found and self.truth:
            figures["coefficient/error"] = 100 * coefficient_error(found, self.truth)
        return figures

    def blame(self, batch: tuple[Tensor, Tensor]) -> str:
        """Name the weights that are not finite, or the steps, and the settings to change."""
        steps = f"network.steps (now {self.net.steps}, h = {self.net.h:g})"
        return self.first_weights_or("the steps", self.spec.optimizer, steps)

    def configure_optimizers(self) -> Any:
        """Return the optimiser and, for Adam, a cosine rate to zero over all epochs."""
        found = optimiser(self.spec.optimizer, self.net)
        if not isinstance(found, AdamW):
            return found
        return {"optimizer": found, "lr_scheduler": CosineAnnealingLR(found, self.epochs)}


def coefficient_error(found: dict[str, float], truth: dict[str, float]) -> float:
    """Return the largest error of a coefficient, relative to it, or to the largest of all where it should be zero."""
    largest = max(abs(value) for value in truth.values())
    names = {**found, **truth}
    return max(
        abs(found.get(name, 0.0) - truth.get(name, 0.0)) / (abs(truth.get(name, 0.0)) or largest) for name in names
    )


def optimiser(spec: Any, net: Flow) -> Optimizer:
    """Return the method that a training names."""
    if spec.name == "least-squares":
        return LeastSquares(net, spec.iterations)
    if spec.name == "adamw":
        return AdamW(net.parameters(), lr=spec.lr, weight_decay=spec.weight_decay)
    # the loss of a short interval is far below 1 when it is solved; torch's tolerances would call it so before
    return LBFGS(
        net.parameters(),
        max_iter=spec.iterations,
        max_eval=2 * spec.iterations + 10,
        history_size=spec.history,
        tolerance_grad=1e-12,
        tolerance_change=1e-14,
        line_search_fn="strong_wolfe",
    )


def assemble(cell: SeriesCell, seed: int) -> TimeSeries:
    """Return the module with freshly initialised weights, and its trajectories."""
    return TimeSeries(trajectories.build(cell, seed), cell, seed, trajectories.series(cell, seed))
