"""One training in several processes, one a device: this one is rank 0 and starts the others."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

import torch
from torch import distributed

from pdebridge.errors import UserError


@contextmanager
def processes(devices: int, work: Callable[..., None], *args: Any) -> Iterator[None]:
    """Run the context as rank 0 while ``work(*args)`` runs as ranks 1, 2, ... in processes of their own.

    Lightning finds rank and port in the environment, as under torchrun. A failure here ends the others.

    Args:
        devices: number of processes, on one machine; with 1 nothing happens.
        work: a function of a module.
        args: what can be pickled.

    Raises:
        UserError: the machine has fewer GPUs, or a process failed.
    """
    if devices == 1:
        yield
        return
    if torch.cuda.is_available() and torch.cuda.device_count() < devices:
        raise UserError(f"devices: must be at most {torch.cuda.device_count()}, this machine's GPUs (found {devices})")
    outside = dict(os.environ)
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": str(devices)}
    spawn = get_context("spawn")
    others = [
        spawn.Process(target=follow, args=(address | {"LOCAL_RANK": str(rank)}, work, *args), daemon=True)
        for rank in range(1, devices)
    ]
    for process in others:
        process.start()
    try:
        os.environ.update(address | {"LOCAL_RANK": "0"})
        yield
        for process in others:
            process.join()
    finally:
        for process in others:
            process.terminate()
        if distributed.is_initialized():
            distributed.destroy_process_group()
        os.environ.clear()
        os.environ.update(outside)
    failed = [rank for rank, process in enumerate(others, start=1) if process.exitcode]
    if failed:
        raise UserError(f"devices: the process of rank {failed[0]} failed; its own message is in the log")


def follow(environment: dict[str, str], work: Callable[..., None], *args: Any) -> None:
    """Be one of the other ranks."""
    os.environ.update(environment)
    work(*args)
    distributed.destroy_process_group()


def free_port() -> int:
    """Return a TCP port of this machine that nobody uses."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
