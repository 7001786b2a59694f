"""Reproducible results that join deep learning and differential equations.

Importing the package itself costs nothing: torch and Lightning are imported by the rooms that need them, when a name
of the table below is first used.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
FACE = {
    "Flow": "networks.flow",
    "check": "networks.check",
    "flow": "networks.flow",
}


def __getattr__(name: str) -> Any:
    """Import a name of the table when it is asked for."""
    if name not in FACE:
        raise AttributeError(f"module 'pdebridge' has no attribute {name!r}; it has {', '.join(sorted(FACE))}")
    return getattr(import_module(f"pdebridge.{FACE[name]}"), name)


def __dir__() -> list[str]:
    """Return the names of the table, too."""
    return sorted({*globals(), *FACE})
