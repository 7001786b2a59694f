"""Weights & Biases through Lightning's logger: a mirror of the history, never its only copy."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import WandbLogger

from pdebridge.configuration.experiment import Cell
from pdebridge.configuration.settings import Tracking
from pdebridge.errors import UserError


def mode(tracking: Tracking) -> str:
    """Return ``offline``, ``online`` or ``disabled``; WANDB_MODE wins, as W&B's users expect."""
    return os.environ.get("WANDB_MODE", tracking.mode)


@contextmanager
def tracked(cell: Cell, tracking: Tracking, folder: Path, facts: dict[str, Any]) -> Iterator[Any]:
    """Open one W&B run for a job, or None if tracking is disabled; `wandb` is imported only if it is used.

    Args:
        cell: what is trained: group, name, tags.
        tracking: mode, project, entity.
        folder: the run's own ``wandb`` folder goes here; jobs that share one would race for its links.
        facts: the resolved configuration, provenance and the published targets.
    """
    if mode(tracking) == "disabled":
        yield None
        return
    import wandb

    folder.mkdir(parents=True, exist_ok=True)
    try:
        run = wandb.init(
            project=tracking.project,
            entity=tracking.entity,
            dir=folder,
            mode=mode(tracking),  # type: ignore[arg-type]
            group=cell.experiment,
            job_type="train",
            name=cell.key,
            tags=[cell.scale, *cell.place().values()],
            config=facts,
            settings=wandb.Settings(silent=True, console="off"),
        )
    except wandb.errors.UsageError as error:
        raise UserError(f"tracking.mode: online: {error}; run 'wandb login' or set tracking.mode to offline") from None
    try:
        yield run
    except BaseException:
        run.finish(exit_code=1)
        raise
    run.finish()


def logger_of_seed(run: Any, seed: int) -> list[WandbLogger]:
    """Return Lightning's logger for one seed of a job's run: its metrics are ``seed-0/train/loss`` and so on."""
    if run is None:
        return []
    return [_SeedLogger(experiment=run, prefix=f"seed-{seed}")]


class _SeedLogger(WandbLogger):
    LOGGER_JOIN_CHAR = "/"
