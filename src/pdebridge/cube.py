"""Look names up: a known one in the catalogue, or ``module:name`` of one's own, for example ``my_package.swirl:Swirl``.

Imports neither torch nor anything else that is slow.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any, TypeVar

from pdebridge.catalogue import CATALOGUE

T = TypeVar("T")


def target(kind: str, name: str) -> str:
    """Return the ``module:object`` of a name of a kind; raise ``ValueError`` with the nearest names if unknown."""
    return name if ":" in name else known(name, CATALOGUE[kind], kind)


def named(kind: str, name: str) -> Any:
    """Import the object that a name of a kind leads to."""
    return load(target(kind, name))


def known(name: str, table: Mapping[str, T], kind: str) -> T:
    """Look a name up; raise ``ValueError`` naming the nearest match and what would be valid."""
    if name in table:
        return table[name]
    near = get_close_matches(name, table, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise ValueError(f"unknown {kind} {name!r}; {hint}valid: {', '.join(sorted(table))}")


def check_options(options: Mapping[str, Any], valid: Iterable[str], owner: str) -> None:
    """Raise ``ValueError`` at the first of the options that is not valid, with the nearest one that is."""
    table = {name: name for name in valid}
    for option in options:
        if not table:
            raise ValueError(f"{owner} has no options, not even {option!r}")
        known(option, table, f"option of {owner}:")


def load(reference: str) -> Any:
    """Import the object that ``module:name`` points to."""
    module, _, attribute = reference.partition(":")
    return getattr(import_module(module), attribute)
