"""Which finished runs are still valid: known without importing torch, so that a job with nothing to do costs little."""

from importlib.metadata import version
from pathlib import Path

from pdebridge.configuration.experiment import Cell
from pdebridge.files import read_json
from pdebridge.provenance import digest, sources
from pdebridge.training.modules import modules


def fingerprint(cell: Cell, seed: int) -> str:
    """Return what a run's numbers depend on: the keys of its task, seed, code, torch's version."""
    decisive = cell.model_dump_json(exclude=set(Cell.model_fields))
    return digest(decisive, str(seed), version("torch"), *sources(modules(cell)))


def is_current(run: Path, expected: str) -> bool:
    """Tell whether a finished run directory has this fingerprint."""
    described = run / "run.json"
    return described.is_file() and read_json(described)["fingerprint"] == expected


def run_folders(cell: Cell, folder: Path) -> list[Path]:
    """Return the run directories of a cell, one a seed."""
    return [folder / f"seed-{seed}" for seed in range(cell.seeds)]


def missing_seeds(cell: Cell, folder: Path) -> list[int]:
    """Return the seeds that have no finished run with today's fingerprint."""
    return [seed for seed, run in enumerate(run_folders(cell, folder)) if not is_current(run, fingerprint(cell, seed))]
