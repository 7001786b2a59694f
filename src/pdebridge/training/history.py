"""One row of figures an epoch, kept through an interruption and handed to every logger."""

import time
from typing import Any

import pytorch_lightning as pl

from pdebridge.training.progress import Progress
from pdebridge.training.task import Task


class History(pl.Callback):
    """Collect ``epoch, seconds`` and the figures of the task, ``train/loss, val/loss, ...``, at the end of each epoch.

    The rows are part of the checkpoint, so that a resumed run has the whole history.

    Args:
        progress: is told of every epoch, where anybody listens.
    """

    def __init__(self, progress: Progress | None) -> None:
        self.rows: list[dict[str, float]] = []
        self.progress, self.earlier, self.started = progress, 0.0, time.perf_counter()

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Start the clock where an interrupted run stopped it."""
        self.earlier = self.rows[-1]["seconds"] if self.rows else 0.0
        self.started = time.perf_counter()

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Add the epoch's row and log it."""
        assert isinstance(module, Task)
        seconds = self.earlier + time.perf_counter() - self.started
        figures = module.epoch_figures()
        self.rows.append({"epoch": trainer.current_epoch, "seconds": round(seconds, 3), **figures})
        for logger in trainer.loggers:
            logger.log_metrics(figures, step=trainer.current_epoch)
        if self.progress:
            self.progress.epoch(len(self.rows), figures)

    def state_dict(self) -> dict[str, Any]:
        """Return the rows as plain types."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the rows."""
        self.rows = list(state_dict["rows"])
