"""Which finished runs are still valid: known without importing torch, so that a job with nothing to do costs little."""

import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pdebridge.configuration.experiment import Cell
from pdebridge.meaning import checksum, digest, meaning
from pdebridge.records import described, fault
from pdebridge.training.modules import modules

REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def fingerprint(cell: Cell, seed: int) -> str:
    """Return what a run's numbers depend on: the keys of its task, seed, code and data, torch's version."""
    return digest(decisive(cell), str(seed), version("torch"), code_and_data(cell))


def decisive(cell: Cell) -> str:
    """Return the keys of a cell's task as JSON: what it is called, and where its data stand, decides no number."""
    return cell.model_dump_json(exclude=set(Cell.model_fields))


def code_and_data(cell: Cell) -> str:
    """Return a digest of the code that a cell runs and of the files that its configuration names.

    Code is that of the task, of the names in the catalogue and of every ``module:name``; see `meaning`. Files count by
    their contents.
    """
    texts = sorted(set(_texts(cell.model_dump(exclude=set(Cell.model_fields)))))
    own = [text for text in texts if REFERENCE.fullmatch(text)]
    files = [text for text in texts if ("." in text or "/" in text) and Path(text).exists()]
    return digest(meaning(*modules(cell), *own), *(f"{file} {checksum(Path(file))}" for file in files))


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in nested values."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def is_current(run: Path, expected: str) -> bool:
    """Tell whether a run directory is finished, has this fingerprint, and holds what its training wrote."""
    return described(run).get("fingerprint") == expected and not fault(run)


def run_folders(cell: Cell, folder: Path) -> list[Path]:
    """Return the run directories of a cell, one a seed."""
    return [folder / f"seed-{seed}" for seed in range(cell.seeds)]


def missing_seeds(cell: Cell, folder: Path) -> list[int]:
    """Return the seeds that have no finished run with today's fingerprint."""
    return [seed for seed, run in enumerate(run_folders(cell, folder)) if not is_current(run, fingerprint(cell, seed))]
