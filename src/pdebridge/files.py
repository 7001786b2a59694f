"""Files are written whole or not at all, and can be checked; a folder belongs to one process at a time."""

import fcntl
import hashlib
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import IO, Any

from pdebridge.errors import UserError

ABANDONED = 24 * 3600.0  # seconds after which another machine's partial file is taken for a dead process's


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside ``path`` that becomes ``path`` only if the block ends without an error.

    The content is on the disk before it has the name, so that not even a machine that dies leaves half a file under it.
    Partial files that killed processes left of ``path`` go away.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    # the suffix stays last: savefig and to_csv choose their format by it
    partial = path.with_name(f".{platform.node()}-{os.getpid()}.partial.{path.name}")
    try:
        yield partial
        with partial.open("rb") as content:
            os.fsync(content.fileno())
        partial.replace(path)
    except OSError as error:
        # a disk that fills up in the middle of a file does not say which
        error.filename = error.filename2 or error.filename or str(path)
        raise
    finally:
        partial.unlink(missing_ok=True)


def _sweep(path: Path) -> None:
    """Remove the partial files of ``path`` whose processes are gone."""
    for left in path.parent.glob(f".*.partial.{escape(path.name)}"):
        host, _, pid = left.name[1:].partition(".partial.")[0].rpartition("-")
        here = host == platform.node() and pid.isdigit()
        try:
            if not _lives(int(pid)) if here else time.time() - left.stat().st_mtime > ABANDONED:
                left.unlink(missing_ok=True)
        except FileNotFoundError:
            continue  # another process swept it


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def writable(path: Path) -> None:
    """Raise `UserError` if a file could not be written there: said before the work whose result it is to hold."""
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f"{path}: {folder} is {'a folder without leave to write' if folder.is_dir() else 'no folder'}")


def write_json(path: Path, content: Any) -> None:
    """Write JSON, indented, whole or not at all."""
    with whole(path) as partial:
        partial.write_text(json.dumps(content, indent=2, allow_nan=True) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read JSON; raise `UserError` with the file's name if it is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path}: damaged, or not JSON ({error}); without it the same command makes it again") from None


def read_text(path: Path) -> str:
    """Read UTF-8, with or without a byte order mark; raise `UserError` with the file's name if it is none."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 (byte {error.start}: {error.reason}); save it as UTF-8") from None


def put_aside(path: Path, why: str) -> None:
    """Rename a damaged file to ``path.damaged`` and say so."""
    print(f"pdebridge: {path} {why}; put aside as {path.name}.damaged", file=sys.stderr, flush=True)
    path.replace(path.with_name(path.name + ".damaged"))


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def checksums(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the SHA-256 of some files of a folder, by name."""
    return {name: checksum(folder / name) for name in names}


def differing(folder: Path, recorded: Mapping[str, str]) -> list[str]:
    """Return which of the recorded files are missing or have another content."""
    return [name for name, sum_ in recorded.items() if not (p := folder / name).is_file() or checksum(p) != sum_]


def replace_folder(new: Path, old: Path) -> None:
    """Let the finished folder ``new`` take the name ``old``; what stood there goes only once ``new`` is complete."""
    grave = old.with_name(f".{old.name}.replaced")
    shutil.rmtree(grave, ignore_errors=True)
    if old.exists():
        old.rename(grave)
    new.rename(old)
    shutil.rmtree(grave, ignore_errors=True)


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file ``path`` while the block runs; wait, and say for whom, if another process holds it.

    The lock ends with its process, however that ends. On file systems without locks this does nothing.

    Args:
        path: of the lock file; removed afterwards.
        what: that is worked on, for the message.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = _acquire(path, what)
    try:
        lock.truncate(0)
        lock.write(f"process {os.getpid()} on {platform.node()}")
        lock.flush()
        yield
    finally:
        path.unlink(missing_ok=True)
        lock.close()


def holder(path: Path) -> str:
    """Return who holds a lock file, in words; empty if nobody does."""
    try:
        with path.open("r", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return path.read_text(encoding="utf-8") or "another process"
    except OSError:
        return ""
    return ""


def _acquire(path: Path, what: str) -> IO[str]:
    """Return the open lock file, locked; one that its last holder has removed meanwhile does not count."""
    while True:
        lock = path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            print(f"pdebridge: {what} is made by {lock.read() or 'another process'}: waiting for it", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError:
            return lock
        if path.exists() and os.path.samestat(os.fstat(lock.fileno()), path.stat()):
            return lock
        lock.close()
