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
