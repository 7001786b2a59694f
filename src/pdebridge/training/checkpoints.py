"""The state of a training on disk: written whole, checked before it is believed, the one before it kept."""

import time
import zipfile
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Checkpoint
from pytorch_lightning.plugins.io import TorchCheckpointIO

from pdebridge.files import put_aside, whole
from pdebridge.training.stop import Stop

PARTS = 20  # of a training: an interruption without a signal costs at most one of them,
SECONDS = 300.0  # and at most so many seconds beyond the end of an epoch
KEPT = 2


class WholeFiles(TorchCheckpointIO):
    """Checkpoints that appear under their name only when they are complete, on whatever file system they stand."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write beside the place and rename."""
        with whole(Path(path)) as partial:
            torch.save(checkpoint, partial)


class Checkpoints(Checkpoint):
    """Save at ends of epochs, and before the next batch when the process is told to stop.

    Several processes stop at the end of an epoch only, where all of them know of the signal: what each has gathered in
    the middle of one is its own.

    Args:
        folder: where; the newest two stay.
        epochs: length of the training.
        fingerprint: of the run; a checkpoint of another one is not used.
        stop: whether somebody wants an end.
    """

    def __init__(self, folder: Path, epochs: int, fingerprint: str, stop: Stop) -> None:
        self.folder, self.epochs, self.fingerprint, self.stop = folder, epochs, fingerprint, stop
        self.saved = time.monotonic()

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Take the signals back from Lightning, which would end with status 0."""
        self.stop.deferred = True
        self.stop.listen()

    def on_train_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, batch_idx: int) -> None:
        """Save in the middle of an epoch and stop, if told so; a first batch has nothing new to save."""
        if self.stop.signal is not None and trainer.world_size == 1:
            if batch_idx:
                self.save(trainer, f"epoch-{trainer.current_epoch:06d}-batch-{batch_idx:06d}")
            self.stop.obey()

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Save where it is due, and stop if told so."""
        done, since = trainer.current_epoch + 1, time.monotonic() - self.saved
        due = done % -(-self.epochs // PARTS) == 0 or done == self.epochs or since > SECONDS
        if trainer.strategy.reduce_boolean_decision(due or self.stop.signal is not None, all=False):
            self.save(trainer, f"epoch-{done:06d}")
        self.stop.obey()

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """From here on a signal needs no checkpoint."""
        self.stop.deferred = False
        self.stop.obey()

    def on_save_checkpoint(self, trainer: pl.Trainer, module: pl.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Say whose state it is."""
        checkpoint["fingerprint"] = self.fingerprint

    def save(self, trainer: pl.Trainer, name: str) -> None:
        """Save, then remove what is older than the two newest."""
        trainer.save_checkpoint(self.folder / f"{name}.ckpt")
        if trainer.is_global_zero:
            for old in by_age(self.folder)[KEPT:]:
                old.unlink()
        self.saved = time.monotonic()


def by_age(folder: Path) -> list[Path]:
    """Return the checkpoints of a folder, the newest first."""
    return sorted(folder.glob("epoch-*.ckpt"), key=lambda path: path.stem, reverse=True)


def newest(folder: Path, fingerprint: str) -> Path | None:
    """Return the newest checkpoint of a run that is whole; damaged ones are named and put aside."""
    for path in by_age(folder):
        found = fingerprint_of(path)
        if found == fingerprint:
            return path
        put_aside(path, "is damaged" if found is None else "belongs to another training")
    return None


def fingerprint_of(path: Path) -> str | None:
    """Return whose state a checkpoint is; None if it is damaged."""
    try:
        with zipfile.ZipFile(path) as parts:  # torch's file is an archive with a checksum a part, which torch ignores
            if parts.testzip() is not None:
                return None
        return str(torch.load(path, map_location="cpu", weights_only=True)["fingerprint"])
    except Exception:  # there is no end to what torch raises for a file that is none
        return None
