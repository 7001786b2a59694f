"""Which GPUs of this machine a job may use: each job takes free ones, so that jobs side by side do not share one.

Snakemake counts `gpu` on a machine without a scheduler, but assigns none (its issue 281). A lock file a GPU does: the
operating system frees it when the process ends, however it ends.
"""

import fcntl
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from pdebridge.configuration.classification import ClassificationCell
from pdebridge.configuration.experiment import Cell
from pdebridge.configuration.game import GameCell

# In the 0.42 ms in which an H100 starts the kernels of one layer, both passes (results/reference/gpu.md: 1,202 layers
# in 0.5 s), a core does a dense layer of two million multiplications (0.25 ms for one, 0.61 ms for four).
LEAST = 2e6
PIXELS = {"digits": 64, "mnist": 784, "stl10": 96 * 96}
USUAL = {"pixels": 1024, "samples": 1000}  # where the configuration does not say
CPU = "PDEBRIDGE_CPU"  # set where a training is to leave GPUs alone, Apple's too
SCHEDULERS = ("SLURM_JOB_ID", "KUBERNETES_SERVICE_HOST")


def installed() -> list[str]:
    """Return the numbers of this machine's NVIDIA GPUs, or those that CUDA_VISIBLE_DEVICES leaves."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [number for number in visible.split(",") if number]
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [str(number) for number, line in enumerate(listed.splitlines()) if line.startswith("GPU ")]


def multiplications(cell: Cell) -> float:
    """Return those of one layer on one batch, forward: ``samples w^2``, of 3 x 3 convolutions ``9 pixels`` times that.

    A published network counts as infinitely large; a batch that the configuration does not bound as 1,000 samples.
    """
    if isinstance(cell, GameCell):
        samples = max(level.samples for level in cell.training.levels)
        return float(samples * cell.potential.width * (cell.potential.width + cell.game.d + 1))
    if not isinstance(cell, ClassificationCell) or cell.network.layout == "published":
        return float("inf")
    samples = cell.training.batch_size or USUAL["samples"]
    if cell.network.layout == "dense":
        return float(samples * cell.network.width**2)
    pixels = PIXELS.get(cell.data.name, USUAL["pixels"])
    return float(samples * 9 * max(w**2 * pixels / 4**i for i, w in enumerate(cell.network.widths)))


def takes_gpu(cell: Cell, accelerator: str) -> bool:
    """Tell whether a training runs on a GPU where there is one, by the settings' ``accelerator``."""
    if accelerator == "auto":
        return cell.devices > 1 or multiplications(cell) >= LEAST
    return accelerator == "gpu"


@contextmanager
def hidden() -> Iterator[None]:
    """Show torch no GPU for the context; to be entered before torch is imported."""
    names = {"CUDA_VISIBLE_DEVICES": "", CPU: "1"}
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            os.environ.update({} if value is None else {name: value})


@contextmanager
def assigned(devices: int, folder: Path | None = None) -> Iterator[list[str]]:
    """Take ``devices`` free GPUs for the context and show torch no others; to be entered before torch is imported.

    Where a scheduler has assigned them, or the machine has no more than one, nothing changes. If fewer are free than
    asked for, the job takes all that it may see and shares them, as it would without this.

    Args:
        devices: how many GPUs the job works on.
        folder: of the lock files; one for all users of this machine if None.

    Yields:
        The numbers that were taken.
    """
    numbers = installed()
    if len(numbers) <= 1 or any(name in os.environ for name in SCHEDULERS):
        yield []
        return
    locks = _take(numbers, devices, folder or Path(tempfile.gettempdir()))
    before = os.environ.get("CUDA_VISIBLE_DEVICES")
    try:
        if len(locks) == devices:
            os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(locks)
        yield list(locks) if len(locks) == devices else []
    finally:
        for lock in locks.values():
            lock.close()
        os.environ.pop("CUDA_VISIBLE_DEVICES", None)
        if before is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = before


def _take(numbers: list[str], wanted: int, folder: Path) -> dict[str, TextIO]:
    """Lock the first ``wanted`` GPUs that no other process holds."""
    locks: dict[str, TextIO] = {}
    for number in numbers:
        lock = (folder / f"pdebridge-gpu-{number}.lock").open("a", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        locks[number] = lock
        if len(locks) == wanted:
            break
    return locks
