"""Train all seeds of a cell; each seed ends as a self-describing run directory."""

import logging
import shutil
import time
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.plugins.environments import LightningEnvironment
from safetensors.torch import save

from pdebridge.configuration.experiment import Cell
from pdebridge.configuration.settings import Tracking
from pdebridge.cube import load
from pdebridge.files import replace_folder, whole, write_json
from pdebridge.provenance import arithmetic, commit, hardware, versions
from pdebridge.training.fingerprint import fingerprint, is_current, missing_seeds, run_folders
from pdebridge.training.guard import DivergenceGuard
from pdebridge.training.history import History
from pdebridge.training.modules import ASSEMBLE
from pdebridge.training.processes import processes
from pdebridge.training.progress import Progress
from pdebridge.training.task import Task
from pdebridge.training.tracking import logger_of_seed, tracked

CHECKPOINTS = 20  # a training; an interruption costs at most a twentieth of it


def train(cell: Cell, tracking: Tracking, folder: Path, targets: list[dict[str, Any]]) -> list[Path]:
    """Train every seed that is not already there with the same fingerprint.

    Args:
        cell: the resolved configuration.
        tracking: W&B's mode and project.
        folder: run directories are ``folder/seed-0``, ``folder/seed-1``, ...
        targets: the published numbers of this cell, for the tracked configuration.

    Returns:
        The run directories.
    """
    runs = run_folders(cell, folder)
    missing = missing_seeds(cell, folder)
    facts = {"cell": cell.model_dump(mode="json"), "published": targets, **commit(), "versions": versions()}
    if missing:
        progress = Progress(cell.key, cell.seeds, cell.epochs)
        with tracked(cell, tracking, folder, facts) as run:
            for seed in missing:
                progress.begin(seed)
                train_seed(cell, seed, runs[seed], progress, logger_of_seed(run, seed))
        progress.close()
    return runs


def train_seed(cell: Cell, seed: int, run: Path, progress: Progress, loggers: list[Any]) -> dict[str, Any]:
    """Train one seed in a partial folder, resume it if it was interrupted, and rename it when it is whole."""
    partial = run.with_name(run.name + ".partial")
    identity = {"fingerprint": fingerprint(cell, seed)}
    if not is_current(partial, identity["fingerprint"]):
        shutil.rmtree(partial, ignore_errors=True)
        write_json(partial / "run.json", describe(cell, seed) | identity)
    module: Task = load(ASSEMBLE[cell.task])(cell, seed)
    history = History(progress)
    checkpoints = partial / "checkpoints"
    with processes(cell.devices, follow, cell, seed, checkpoints):
        device = fit(module, history, checkpoints, loggers, cell.devices)
    summary = summarise(module, history, device)
    with whole(partial / "history.csv") as path:
        pd.DataFrame(history.rows).to_csv(path, index=False)
    with whole(partial / "weights.safetensors") as path:
        path.write_bytes(save({k: v.contiguous() for k, v in module.net.state_dict().items()}))
    write_json(partial / "summary.json", summary)
    shutil.rmtree(partial / "checkpoints")
    replace_folder(partial, run)
    return summary


def follow(cell: Cell, seed: int, checkpoints: Path) -> None:
    """Take part in a training as another rank: the same steps on another share of each batch; write nothing."""
    module: Task = load(ASSEMBLE[cell.task])(cell, seed)
    fit(module, History(None), checkpoints, [], cell.devices)


def describe(cell: Cell, seed: int) -> dict[str, Any]:
    """Return what a run directory says of itself."""
    return {
        "cell": cell.model_dump(mode="json"),
        "seed": seed,
        **commit(),
        "versions": versions(),
        "hardware": hardware() | {"threads": torch.get_num_threads()},
        "arithmetic": arithmetic(),
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def fit(module: Task, history: History, checkpoints: Path, loggers: list[Any], devices: int = 1) -> torch.device:
    """Run Lightning's loop, from the last checkpoint in ``checkpoints`` if there is one; return the device.

    On several devices each process works on its share of every batch (`Batches`), and gradients are averaged; where
    the layers are shared all have the same gradient already.
    """
    quiet_lightning()
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # costs a pass each
    trainer = pl.Trainer(
        accelerator="auto",
        devices=devices,
        strategy="ddp" if devices > 1 else "auto",
        use_distributed_sampler=False,  # a loader that knows its share needs none
        plugins=[LightningEnvironment()],  # a Slurm job is one task here; Lightning would take its variables for ranks
        max_epochs=module.epochs,
        deterministic=True,
        logger=loggers or False,
        callbacks=[DivergenceGuard(), history, checkpoint_every(-(-module.epochs // CHECKPOINTS), checkpoints)],
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=1,
    )
    last = checkpoints / "last.ckpt"
    train_batches, val_batches = module.loaders()
    trainer.fit(module, train_batches, val_batches, ckpt_path=str(last) if last.exists() else None)
    return trainer.strategy.root_device


def checkpoint_every(epochs: int, folder: Path) -> ModelCheckpoint:
    """Return Lightning's checkpoint at epoch ends, after the history; in mid-epoch it would not resume exactly."""
    return ModelCheckpoint(
        folder, filename="{epoch}", save_last=True, every_n_epochs=epochs, save_on_train_epoch_end=True
    )


def summarise(module: Task, history: History, device: torch.device) -> dict[str, Any]:
    """Return the run's figures by the names that the published table uses, measured on the training's device."""
    module.eval()
    last = history.rows[-1]
    module.to(device)  # Lightning takes what it trained back to the host
    return {**module.summary(last), "epochs": len(history.rows), "seconds": last["seconds"]}


def quiet_lightning() -> None:
    """Silence Lightning's advertisements and the hints that do not apply to tensors in memory."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    for hint in (
        ".*does not have many workers.*",
        ".*LeafSpec.*",
        ".*treespec.*",
        ".*Checkpoint directory.*",
        ".*GPU available.*",
    ):
        warnings.filterwarnings("ignore", hint)
