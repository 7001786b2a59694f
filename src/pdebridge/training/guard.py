"""Stop at the first loss that is not finite, and say where it arose and what to change."""

from typing import Any, NamedTuple

import pytorch_lightning as pl
from torch import Tensor

from pdebridge.errors import UserError
from pdebridge.training.task import Task


class Step(NamedTuple):
    """A step whose loss is still to be read."""

    loss: Tensor
    batch: Any
    step: int
    epoch: int


class DivergenceGuard(pl.Callback):
    """Raise `UserError` with the step, where it arose and the settings to change when the loss is not finite.

    On a GPU the loss of a step is read while the next one is under way, so that the host does not wait for it. Of
    several processes the first one speaks; what another one found is in its weights a step later.
    """

    unread: Step | None = None

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Check the loss of a step."""
        assert isinstance(module, Task)
        if not trainer.is_global_zero:
            return
        loss = module.losses[-1]
        now = Step(loss, batch, trainer.global_step, trainer.current_epoch)
        before, self.unread = (self.unread, now) if loss.is_cuda else (now, None)
        check(module, before)

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Check the loss of the last step."""
        assert isinstance(module, Task)
        before, self.unread = self.unread, None
        check(module, before)


def check(module: Task, found: Step | None) -> None:
    """Raise for a loss that is not finite."""
    if found and not found.loss.isfinite():
        at = f"step {found.step}, epoch {found.epoch}"
        raise UserError(f"the loss is {float(found.loss)} at {at}; {module.blame(found.batch)}")
