"""Collect the measurements that trainings and studies wrote, by (experiment, cell, quantity)."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pdebridge.errors import UserError
from pdebridge.files import read_json

Key = tuple[str, str, str]


def collect(files: Iterable[Path]) -> dict[Key, dict[str, Any]]:
    """Return the measurements of every file; each is ``{experiment, cell, quantity, values, runs}``."""
    found: dict[Key, dict[str, Any]] = {}
    for path in files:
        try:
            measurements = read_json(path)["measurements"]
        except (OSError, ValueError, KeyError) as error:
            raise UserError(f"{path}: not a file of measurements ({type(error).__name__}: {error})") from None
        found.update({(m["experiment"], m["cell"], m["quantity"]): m for m in measurements})
    return found
