"""One training in several processes, one a device: this one is rank 0 and starts the others."""

import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import connection, get_context, parent_process
from multiprocessing.process import BaseProcess
from threading import Event, Thread
from typing import Any

import torch
from torch import distributed

from pdebridge.errors import UserError
from pdebridge.training.stop import PATIENCE

GRACE = 2.0  # seconds in which the end of another process may explain a failure of this one


@contextmanager
def processes(devices: int, work: Callable[..., None], *args: Any) -> Iterator[None]:
    """Run the context as rank 0 while ``work(*args)`` runs as ranks 1, 2, ... in processes of their own.

    Lightning finds rank and port in the environment, as under torchrun. A failure here ends the others; one of
    theirs ends all at once, with the name of the rank that was first.

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
    ended: list[str] = []
    over = Event()
    watch = Thread(target=wait_for, args=(others, ended, over), daemon=True)
    watch.start()
    try:
        os.environ.update(address | {"LOCAL_RANK": "0"})
        yield
        watch.join()
    except Exception as error:
        watch.join(GRACE)
        if ended:
            raise UserError(f"devices: {ended[0]}; its own message is in the log") from error
        raise
    finally:
        over.set()
        for process in others:
            process.kill()  # they have nothing to save, and pass gentler signals on to this one
        if distributed.is_initialized():
            distributed.destroy_process_group()
        os.environ.clear()
        os.environ.update(outside)
    if ended:
        raise UserError(f"devices: {ended[0]}; its own message is in the log")


def wait_for(others: Sequence[BaseProcess], ended: list[str], over: Event) -> None:
    """Wait for ranks 1, 2, ...; at the first failure say whose it is, and end the rest, which would wait for it.

    Once it is ``over`` this process ends them itself.
    """
    running = dict(enumerate(others, start=1))
    while running:
        ready = connection.wait([process.sentinel for process in running.values()])
        for rank in [rank for rank, process in running.items() if process.sentinel in ready]:
            process = running.pop(rank)
            process.join()  # its pipe closes a moment before it has an exit code
            if (code := process.exitcode) and not over.is_set():
                ended.append(f"rank {rank} of {len(others) + 1} ended with exit code {code}")
                print(f"pdebridge: {ended[0]}", file=sys.stderr)
                for other in others:
                    other.kill()
                if not over.wait(PATIENCE):  # in a collective operation that the dead rank will never join
                    os._exit(1)
                return


def follow(environment: dict[str, str], work: Callable[..., None], *args: Any) -> None:
    """Be one of the other ranks, as long as there is a first one."""
    parent = parent_process()
    assert parent is not None
    Thread(target=lambda: (connection.wait([parent.sentinel]), os._exit(1)), daemon=True).start()
    os.environ.update(environment)
    work(*args)
    distributed.destroy_process_group()


def free_port() -> int:
    """Return a TCP port of this machine that nobody uses."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
