"""Train all seeds of a cell; each seed ends as a self-describing run directory."""

import functools
import logging
import os
import shutil
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from safetensors.torch import save

from pdebridge.configuration.experiment import Cell
from pdebridge.configuration.settings import Tracking
from pdebridge.cube import load
from pdebridge.files import locked, put_aside, replace_folder, whole, write_json
from pdebridge.provenance import arithmetic, commit, hardware, versions
from pdebridge.records import RUN, described, fault, seal
from pdebridge.training.artifacts import keep
from pdebridge.training.checkpoints import Checkpoints, WholeFiles, newest
from pdebridge.training.fingerprint import fingerprint, is_current, missing_seeds, run_folders
from pdebridge.training.guard import DivergenceGuard
from pdebridge.training.history import History
from pdebridge.training.modules import ASSEMBLE
from pdebridge.training.processes import processes
from pdebridge.training.progress import Progress
from pdebridge.training.stop import Relay, stoppable
from pdebridge.training.task import Task
from pdebridge.training.tracking import log_epoch, note, summarised, tracked


def train(
    cell: Cell, tracking: Tracking, folder: Path, targets: list[dict[str, Any]], seeds: list[int] | None = None
) -> list[Path]:
    """Train every seed that is not already there with the same fingerprint.

    Args:
        cell: the resolved configuration.
        tracking: W&B's mode and project.
        folder: run directories are ``folder/seed-0``, ``folder/seed-1``, ...
        targets: the published numbers of this cell, for the tracked configuration.
        seeds: only these; default all.

    Returns:
        The run directories.
    """
    runs = run_folders(cell, folder)
    wanted = range(cell.seeds) if seeds is None else seeds
    missing = [seed for seed in missing_seeds(cell, folder) if seed in wanted]
    if missing:
        progress = Progress(cell.key, cell.seeds, cell.epochs)
        for seed in missing:
            progress.begin(seed)
            train_seed(cell, seed, runs[seed], progress, tracking, targets)
        progress.close()
    return [runs[seed] for seed in wanted]


def train_seed(
    cell: Cell, seed: int, run: Path, progress: Progress, tracking: Tracking, targets: list[dict[str, Any]]
) -> None:
    """Train one seed in a partial folder, resume it if it was interrupted, and rename it when it is whole.

    A process that trains the same seed already is waited for, and its run taken.
    """
    partial, mine = run.with_name(run.name + ".partial"), fingerprint(cell, seed)
    with locked(run.with_name(f".{run.name}.lock"), f"{cell.key}, seed {seed}"):
        if is_current(run, mine):
            return
        claim(partial, cell, seed, mine)
        if fault(partial):
            facts = described(partial) | {"published": targets, "folder": str(run)}
            with tracked(cell, seed, tracking, run.parent, facts) as mirror:
                complete(partial, cell, seed, mine, progress, mirror)
                if mirror:
                    keep(mirror, cell, seed, partial, tracking)
        shutil.rmtree(partial / "checkpoints", ignore_errors=True)
        replace_folder(partial, run)


def claim(partial: Path, cell: Cell, seed: int, mine: str) -> None:
    """Keep what an interrupted training of the same run left, and nothing else."""
    said = described(partial)
    if said.get("fingerprint") == mine:
        return
    if said:
        shutil.rmtree(partial)
    elif (partial / RUN).exists():  # its checkpoints say themselves whose they are
        put_aside(partial / RUN, "is damaged")
    write_json(partial / RUN, describe(cell, seed) | {"fingerprint": mine})


def complete(partial: Path, cell: Cell, seed: int, mine: str, progress: Progress, mirror: Any = None) -> None:
    """Train from the last checkpoint, or the beginning, to the end, and write what a run directory holds.

    Args:
        partial: the run directory in the making.
        cell: what is trained.
        seed: which run of it.
        mine: its fingerprint.
        progress: is told of every epoch.
        mirror: W&B's run, if there is one.
    """
    module: Task = load(ASSEMBLE[cell.task])(cell, seed)
    history, folder = History(progress, mirror and functools.partial(log_epoch, mirror)), partial / "checkpoints"
    last = newest(folder, mine)
    with stoppable() as stop:
        saving = Checkpoints(folder, cell.epochs, mine, stop)
        with processes(cell.devices, follow, cell, seed, folder, mine, last):
            device = fit(module, history, saving, last, cell.devices)
        summary = summarise(module, history, device)
    with whole(partial / "history.csv") as path:
        pd.DataFrame(history.rows).to_csv(path, index=False)
    with whole(partial / "weights.safetensors") as path:
        path.write_bytes(save({k: v.contiguous() for k, v in module.net.state_dict().items()}))
    write_json(partial / "summary.json", summary)
    if mirror:
        summarised(mirror, summary, history.rows)
        note(partial, mirror)
    seal(partial)


def follow(cell: Cell, seed: int, folder: Path, mine: str, last: Path | None) -> None:
    """Take part in a training as another rank: the same steps on another share of each batch; write nothing."""
    relay = Relay()
    relay.listen()
    module: Task = load(ASSEMBLE[cell.task])(cell, seed)
    fit(module, History(None), Checkpoints(folder, cell.epochs, mine, relay), last, cell.devices)


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


def fit(module: Task, history: History, saving: Checkpoints, last: Path | None, devices: int = 1) -> torch.device:
    """Run Lightning's loop, from the checkpoint ``last`` if there is one; return the device.

    On several devices each process works on its share of every batch (`Batches`), and gradients are averaged; where
    the layers are shared all have the same gradient already.
    """
    quiet_lightning()
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # costs a pass each
    trainer = pl.Trainer(
        accelerator=accelerator(next(module.net.parameters()).dtype),
        devices=devices,
        strategy="ddp" if devices > 1 else "auto",
        use_distributed_sampler=False,  # a loader that knows its share needs none
        # a Slurm job is one task here; Lightning would take its variables for ranks
        plugins=[LightningEnvironment(), WholeFiles()],
        max_epochs=module.epochs,
        deterministic=True,
        logger=False,  # figures go out once an epoch, by the history
        callbacks=[DivergenceGuard(), history, saving],
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=1,
    )
    train_batches, val_batches = module.loaders()
    trainer.fit(module, train_batches, val_batches, ckpt_path=str(last) if last else None)
    return trainer.strategy.root_device


def accelerator(dtype: torch.dtype) -> str:
    """Return ``auto``, or ``cpu`` with a line that says why: Apple's GPUs know no float64."""
    if os.environ.get("PDEBRIDGE_CPU"):
        return "cpu"  # the training is too small for a GPU, see `gpus`
    if dtype == torch.float64 and torch.backends.mps.is_available():
        print("training on the CPU: this machine's GPU (MPS) has no float64, which the cell asks for", file=sys.stderr)
        return "cpu"
    return "auto"


def summarise(module: Task, history: History, device: torch.device) -> dict[str, Any]:
    """Return the run's figures by the names that the published table uses, measured on the training's device."""
    module.eval()
    last = history.rows[-1]
    module.to(device)  # Lightning takes what it trained back to the host
    return {**module.summary(last), "epochs": len(history.rows), "seconds": last["seconds"]}


def quiet_lightning() -> None:
    """Silence Lightning's advertisements and the hints that do not apply to tensors in memory."""
    for name in ("pytorch_lightning", "lightning.pytorch", "lightning_fabric", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for hint in (
        ".*does not have many workers.*",
        ".*LeafSpec.*",
        ".*treespec.*",
        ".*Checkpoint directory.*",
        ".*GPU available.*",
        ".*`srun` command is available.*",
    ):
        warnings.filterwarnings("ignore", hint)
