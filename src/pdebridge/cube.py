"""Look names up: a known one in the catalogue, or ``module:name`` of one's own, for example ``my_package.swirl:Swirl``.

Imports neither torch nor anything else that is slow.
"""

import inspect
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


def made(kind: str, thing: Any, *arguments: Any, **options: Any) -> Any:
    """Return an object of a kind from its name, its class, or itself.

    Raises:
        ValueError: the name is unknown, the class needs or has not such options, or the object has options already.
    """
    name = thing if isinstance(thing, str) else getattr(thing, "__name__", type(thing).__name__)
    thing = named(kind, thing) if isinstance(thing, str) else thing
    if not isinstance(thing, type):
        check_options(options, (), f"{kind} {name!r}")
        return thing
    parameters = list(inspect.signature(thing).parameters.values())[len(arguments) :]
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        check_options(options, [p.name for p in parameters], f"{kind} {name!r}")
    plain = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    missing = [p.name for p in parameters if p.default is p.empty and p.kind in plain and p.name not in options]
    if missing:
        raise ValueError(f"{kind} {name!r} needs {', '.join(missing)}")
    return thing(*arguments, **options)


def shown(thing: Any) -> str:
    """Return an object as the call that makes it, with the options that differ from the defaults."""
    if not hasattr(type(thing), "__mro__") or hasattr(thing, "__name__"):
        return str(getattr(thing, "__name__", thing))
    parameters = inspect.signature(type(thing)).parameters.values()
    values = {p: getattr(thing, p.name) for p in parameters if hasattr(thing, p.name)}
    chosen = [f"{p.name}={x!r}" for p, x in values.items() if not isinstance(x, dict) and x != p.default]
    return f"{type(thing).__name__}({', '.join(chosen)})"


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
