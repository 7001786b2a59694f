"""A verb in a forked process of its own that is hit by a fault before its n-th operation on files.

Forking spares hundreds of processes the seconds that importing torch takes. Operations are seen by Python's
audit hooks: opening, renaming, removing, making and removing folders below one folder, whoever calls them.
"""

import errno
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pdebridge.cli import main

SEEN = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir"}
LIMIT = 120.0


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit status as a shell shows it, what it said, and how many operations it had begun.

    Those that it started are in the process group ``group``.
    """

    status: int
    said: str
    operations: int
    group: int

    @property
    def lines(self) -> list[str]:
        """What it said, without the lines of progress."""
        return [line for line in self.said.splitlines() if "  epoch " not in line and " runs, see " not in line]


def run(arguments: list[str], folder: Path, at: int | None = None, fault: Callable[[], None] | None = None) -> Ended:
    """Run a verb in a child; before its operation number ``at`` below ``folder``, ``fault`` happens in it."""
    log, count = folder.parent / "said.txt", folder.parent / "operations.txt"
    count.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        _be(arguments, folder, log, count, at, fault)
    began = time.monotonic()
    while not (done := os.waitpid(child, os.WNOHANG))[0]:
        if time.monotonic() - began > LIMIT:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.002)
    code = os.waitstatus_to_exitcode(done[1])
    seen = count.stat().st_size if count.exists() else 0
    return Ended(code if code >= 0 else 128 - code, log.read_text(encoding="utf-8"), seen, child)


def gone(group: int, seconds: float) -> bool:
    """Tell whether every process of a group has ended after at most so many seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def _be(arguments: list[str], folder: Path, log: Path, count: Path, at: int | None, fault: object) -> None:
    """Be the child; never return."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job begins with it ignored
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(out, 1)
    os.dup2(out, 2)
    sys.stdout, sys.stderr = (os.fdopen(n, "w", buffering=1, closefd=False) for n in (1, 2))
    tally = os.open(count, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    seen = 0

    def watch(event: str, args: tuple[object, ...]) -> None:
        nonlocal seen
        if event in SEEN and isinstance(args[0], str | Path) and str(args[0]).startswith(str(folder)):
            seen += 1
            os.write(tally, b".")
            if seen == at and callable(fault):
                fault()

    sys.addaudithook(watch)
    status = 99
    try:
        status = main(arguments)
    except SystemExit as end:
        status = int(end.code or 0)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def send(number: int) -> Callable[[], None]:
    """Return the fault that is a signal."""
    return lambda: os.kill(os.getpid(), number)


def disk_is_full() -> None:
    """Be the fault that is a full disk."""
    raise OSError(errno.ENOSPC, "No space left on device")
