"""Stop at the first loss that is not finite, and say where it arose and what to change."""

from typing import Any

import pytorch_lightning as pl

from pdebridge.errors import UserError
from pdebridge.training.task import Task


class DivergenceGuard(pl.Callback):
    """Raise `UserError` with the step, where it arose and the settings to change when the loss is not finite.

    Of several processes the first one speaks; what another one found is in its weights a step later.
    """

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Check the loss of a step."""
        assert isinstance(module, Task)
        if trainer.is_global_zero and not module.losses[-1].isfinite():
            raise UserError(
                f"the loss is {float(module.losses[-1])} at step {trainer.global_step}, "
                f"epoch {trainer.current_epoch}; {module.blame(batch)}"
            )
