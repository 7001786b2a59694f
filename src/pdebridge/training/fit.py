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
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy

from pdebridge.configuration.experiment import Cell
from pdebridge.configuration.settings import Tracking
from pdebridge.files import replace_folder, write_json
from pdebridge.provenance import commit, hardware, versions
from pdebridge.training import construct
from pdebridge.training.batches import Batches
from pdebridge.training.best import BestWeights
from pdebridge.training.classification import Classification
from pdebridge.training.divergence import DivergenceGuard
from pdebridge.training.fingerprint import fingerprint, is_current, missing_seeds, run_folders
from pdebridge.training.history import History
from pdebridge.training.progress import Progress
from pdebridge.training.tracking import logger_of_seed, tracked

EVALUATED = 4096  # samples at a time, without gradients
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
        progress = Progress(cell.key, cell.seeds, cell.training.epochs)
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
    module, data = assemble(cell, seed)
    history = History(progress)
    fit(module, data, history, partial / "checkpoints", loggers)
    summary = summarise(module, data, history)
    pd.DataFrame(history.rows).to_csv(partial / "history.csv", index=False)
    save_file({k: v.contiguous() for k, v in module.net.state_dict().items()}, partial / "weights.safetensors")
    write_json(partial / "summary.json", summary)
    shutil.rmtree(partial / "checkpoints")
    replace_folder(partial, run)
    return summary


def describe(cell: Cell, seed: int) -> dict[str, Any]:
    """Return what a run directory says of itself."""
    return {
        "cell": cell.model_dump(mode="json"),
        "seed": seed,
        **commit(),
        "versions": versions(),
        "hardware": hardware() | {"threads": torch.get_num_threads()},
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def assemble(cell: Cell, seed: int) -> tuple[Classification, construct.Samples]:
    """Return the module with freshly initialised weights, and its data."""
    data, features, classes = construct.samples(cell, seed)
    torch.manual_seed(seed)
    net = construct.network(cell.network, features, classes, f"{construct.where(cell)}: network")
    return Classification(net.to(construct.DTYPES[cell.training.precision]), cell.training, seed), data


def fit(
    module: Classification,
    data: construct.Samples,
    history: History,
    checkpoints: Path,
    loggers: list[Any],
) -> None:
    """Run Lightning's loop, from the last checkpoint in ``checkpoints`` if there is one."""
    quiet_lightning()
    epochs = module.training_spec.epochs
    best = [BestWeights(history)] if module.training_spec.select == "best" else []
    trainer = pl.Trainer(
        accelerator="auto",
        devices=1,
        plugins=[LightningEnvironment()],  # a Slurm job is one task here; Lightning would take its variables for ranks
        max_epochs=epochs,
        deterministic=True,
        logger=loggers or False,
        callbacks=[DivergenceGuard(), history, *best, checkpoint_every(-(-epochs // CHECKPOINTS), checkpoints)],
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=1,
    )
    last = checkpoints / "last.ckpt"
    spec = module.training_spec
    batches = Batches(*data["train"], spec.batch_size, module.seed, **spec.augmentation.model_dump())
    trainer.fit(module, batches, Batches(*data["val"], EVALUATED), ckpt_path=str(last) if last.exists() else None)
    for kept in best:
        module.net.load_state_dict(kept.weights)


def checkpoint_every(epochs: int, folder: Path) -> ModelCheckpoint:
    """Return Lightning's checkpoint at epoch ends, after the history; in mid-epoch it would not resume exactly."""
    return ModelCheckpoint(
        folder, filename="{epoch}", save_last=True, every_n_epochs=epochs, save_on_train_epoch_end=True
    )


def summarise(module: Classification, data: construct.Samples, history: History) -> dict[str, Any]:
    """Return the run's figures by the names that the published table uses; accuracies in per cent."""
    module.eval()
    last = history.rows[-1]
    return {
        **evaluate(module.net, data, "train"),
        **(evaluate(module.net, data, "test") if "test" in data else {}),
        "val/accuracy": last["val/accuracy"],
        "val/loss": last["val/loss"],
        "train/objective": last["train/loss"],
        "parameters": sum(p.numel() for p in module.net.parameters()),
        "epochs": len(history.rows),
        "seconds": last["seconds"],
    }


@torch.no_grad()
def evaluate(net: torch.nn.Module, data: construct.Samples, part: str) -> dict[str, float]:
    """Return cross-entropy and accuracy in per cent on a part of the data, as ``part/loss`` and ``part/accuracy``."""
    x, c = data[part]
    logits = torch.cat([net(y) for y, _ in Batches(x, c, EVALUATED)])
    correct = (logits.argmax(1) == c).double().mean()
    return {f"{part}/loss": float(cross_entropy(logits, c)), f"{part}/accuracy": 100 * float(correct)}


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
