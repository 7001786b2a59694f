"""Outputs are written whole or not at all."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside ``path`` that becomes ``path`` only if the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # the suffix stays last: savefig and to_csv choose their format by it
    partial = path.with_name(f".{os.getpid()}.partial.{path.name}")
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        # a disk that fills up in the middle of a file does not say which
        error.filename = error.filename2 or error.filename or str(path)
        raise
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write JSON, indented, whole or not at all."""
    with whole(path) as partial:
        partial.write_text(json.dumps(content, indent=2, allow_nan=True) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON."""
    return json.loads(path.read_text())


def replace_folder(new: Path, old: Path) -> None:
    """Let the finished folder ``new`` take the name ``old``; what stood there goes only once ``new`` is complete."""
    grave = old.with_name(f".{old.name}.replaced")
    shutil.rmtree(grave, ignore_errors=True)
    if old.exists():
        old.rename(grave)
    new.rename(old)
    shutil.rmtree(grave, ignore_errors=True)
