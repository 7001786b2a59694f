"""Collect the measurements that trainings and studies wrote, by (experiment, cell, quantity)."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pdebridge.records import read_together

Key = tuple[str, str, str]


def collect(files: Iterable[Path]) -> dict[Key, dict[str, Any]]:
    """Return the measurements of every file; each is ``{experiment, cell, quantity, values, runs}``."""
    found: dict[Key, dict[str, Any]] = {}
    for content in read_together(files):
        found.update({(m["experiment"], m["cell"], m["quantity"]): m for m in content["measurements"]})
    return found
