"""The one LightningModule for classification, whatever the network."""

from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from pdebridge.configuration.experiment import Training
from pdebridge.networks.regularisation import flows, project, smoothness, tikhonov, total_variation
from pdebridge.training.construct import classifier, optimiser


class Classification(pl.LightningModule):
    """Minimise cross-entropy + penalties of the control in time + ``beta/2 |W|^2`` of the classifier.

    The figures of an epoch are gathered here and logged once at its end: logging every step would cost as much as
    the step of a small network.

    Args:
        net: the network; anything from inputs to logits.
        training: the budget and the weights of the penalties.
        seed: random numbers of a step are a function of (seed, global step), so that a resumed run repeats them.
    """

    def __init__(self, net: nn.Module, training: Training, seed: int) -> None:
        super().__init__()
        self.net, self.training_spec, self.seed = net, training, seed
        self.flows, head = flows(net), classifier(net)
        penalties: list[tuple[float, Callable[[], Tensor]]] = [
            (training.smoothness, lambda: smoothness(net)),
            (training.variation, lambda: total_variation(net)),
            (training.tikhonov, lambda: tikhonov(net)),
            (training.decay, lambda: head.weight.square().sum() / 2),
        ]
        self.penalties = [(weight, penalty) for weight, penalty in penalties if weight]
        self.losses: list[Tensor] = []
        self.tested: list[Tensor] = []

    def objective(self, logits: Tensor, c: Tensor) -> Tensor:
        """Return the regularised objective for logits ``(batch, classes)`` and labels ``(batch,)``."""
        loss = cross_entropy(logits, c)
        for weight, penalty in self.penalties:
            loss = loss + weight * penalty()
        return loss

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Tie dropout and the like to (seed, step)."""
        torch.manual_seed(1_000_003 * self.seed + self.global_step)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Return the objective on a batch."""
        x, c = batch
        loss = self.objective(self.net(x), c)
        self.losses.append(loss.detach())
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Put the weights back into their box."""
        if self.training_spec.box is not None:
            project(self.net.parameters(), self.training_spec.box)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Gather summed loss, correct answers and samples."""
        x, c = batch
        logits = self.net(x)
        correct = (logits.argmax(1) == c).sum()
        loss = cross_entropy(logits, c, reduction="sum")
        self.tested.append(torch.stack([loss, correct, torch.tensor(len(c), device=x.device)]).double())

    def epoch_figures(self) -> dict[str, float]:
        """Return and forget the figures gathered since the last call; accuracy in per cent, of the last step."""
        loss, correct, n = torch.stack(self.tested).sum(0).tolist()
        figures = {"train/loss": float(self.losses[-1] if self.full_batch else torch.stack(self.losses).mean())}
        self.losses, self.tested = [], []
        return figures | {"val/loss": loss / n, "val/accuracy": 100 * correct / n}

    @property
    def full_batch(self) -> bool:
        """Tell whether a step sees all samples, so that its last loss is the epoch's."""
        return self.training_spec.batch_size is None

    def configure_optimizers(self) -> Any:
        """Return the optimiser and its schedule."""
        found, schedule = optimiser(self.training_spec, self.net)
        return {"optimizer": found, "lr_scheduler": schedule} if schedule else found
