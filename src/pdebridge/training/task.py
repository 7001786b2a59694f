"""What the trainer needs of a task: its network, its batches, the figures of an epoch and of the finished run."""

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from pdebridge.allocator import keep_freed_memory
from pdebridge.gradients.allocation import peak_bytes

Figures = dict[str, float]


class Task(pl.LightningModule):
    """A LightningModule that gathers its figures and hands them over once an epoch.

    Logging every step would cost as much as the step of a small network.

    Args:
        net: what is trained, and saved.
        epochs: length of the training.
        seed: random numbers of a step are a function of (seed, epoch, step), so that a resumed run repeats them.
    """

    def __init__(self, net: nn.Module, epochs: int, seed: int) -> None:
        super().__init__()
        self.net, self.epochs, self.seed = net, epochs, seed
        self.losses: list[Tensor] = []
        self.best: dict[str, Any] = {}
        self.forget_best()

    def on_fit_start(self) -> None:
        """Keep the memory of one step for the next; what a checkpoint brought back belongs on the device."""
        keep_freed_memory()
        self.losses = [loss.to(self.device) for loss in self.losses]

    def keep_if_best(self, score: float) -> None:
        """Copy the weights if ``score``, the smaller the better, is the best so far; part of the checkpoint."""
        if score < self.best["score"]:
            weights = {name: w.detach().clone() for name, w in self.net.state_dict().items()}
            self.best = {"score": score, "weights": weights}

    def forget_best(self) -> None:
        """Begin anew: weights of another shape follow."""
        self.best = {"score": float("inf"), "weights": {}}

    def return_to_best(self) -> None:
        """Load the weights of the best score."""
        self.net.load_state_dict(self.best["weights"])

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the best weights, and what an unfinished epoch has gathered, through an interruption."""
        checkpoint["best"], checkpoint["losses"] = self.best, self.losses

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore them."""
        self.best, self.losses = checkpoint["best"], checkpoint["losses"]

    def tie_randomness(self) -> None:
        """Seed torch from (seed, step), so that dropout and the like are the same in a resumed run."""
        torch.manual_seed(1_000_003 * self.seed + self.global_step)

    def peak(self, objective: Callable[[], Tensor]) -> int:
        """Return the most bytes that an objective and its gradient have alive among what they make."""
        self.zero_grad()
        with torch.enable_grad():
            found = peak_bytes(lambda: objective().backward())
        self.zero_grad()
        return found

    def first_weights_or(self, otherwise: str, optimizer: Any, steps: str) -> str:
        """Name the weights that are not finite, or what else it can be, and the settings to change.

        Args:
            otherwise: what was integrated.
            optimizer: the method's section, with a rate or none.
            steps: the setting that is to be raised.
        """
        bad = [name for name, w in self.net.named_parameters() if not w.isfinite().all()]
        lr = getattr(optimizer, "lr", None)
        change = f"lower training.optimizer.lr (now {lr:g}) or raise" if lr else "raise"
        return f"first in {f'weights {bad[0]}' if bad else otherwise}; {change} {steps}"

    @abstractmethod
    def loaders(self) -> tuple[Iterable[Any], Iterable[Any]]:
        """Return the batches of training and of validation."""

    @abstractmethod
    def epoch_figures(self) -> Figures:
        """Return and forget the figures gathered since the last call."""

    @abstractmethod
    def summary(self, last: Figures) -> Figures:
        """Return the trained network's figures by the names that the published table uses.

        Args:
            last: the figures of the last epoch.
        """

    @abstractmethod
    def blame(self, batch: Any) -> str:
        """Return where a loss that is not finite arose, and which settings to change."""
