"""One row of figures an epoch, kept through an interruption and mirrored where anybody looks."""

import time
from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl

from pdebridge.training.progress import Progress
from pdebridge.training.task import Task


class History(pl.Callback):
    """Collect ``epoch, seconds`` and the figures of the task, ``train/loss, val/loss, ...``, at the end of each epoch.

    The rows are part of the checkpoint, so that a resumed run has the whole history.

    Args:
        progress: is told of every epoch, where anybody listens.
        mirror: is given every row, and after an interruption the earlier ones first, so that it has all of them.
    """

    def __init__(self, progress: Progress | None, mirror: Callable[[dict[str, float]], object] | None = None) -> None:
        self.rows: list[dict[str, float]] = []
        self.mirror = mirror or (lambda row: None)
        self.progress, self.earlier, self.started = progress, 0.0, time.perf_counter()

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Start the clock where an interrupted run stopped it; mirror what that run had."""
        for row in self.rows:
            self.mirror(row)
        self.earlier = self.rows[-1]["seconds"] if self.rows else 0.0
        self.started = time.perf_counter()

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Add the epoch's row and mirror it."""
        assert isinstance(module, Task)
        seconds = self.earlier + time.perf_counter() - self.started
        figures = module.epoch_figures()
        self.rows.append({"epoch": trainer.current_epoch, "seconds": round(seconds, 3), **figures})
        self.mirror(self.rows[-1])
        if self.progress:
            self.progress.epoch(len(self.rows), figures)

    def state_dict(self) -> dict[str, Any]:
        """Return the rows as plain types."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the rows."""
        self.rows = list(state_dict["rows"])
