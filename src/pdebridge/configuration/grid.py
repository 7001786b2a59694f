"""``grid`` of an experiment: every cell at every combination of values of some keys."""

import re
from itertools import product
from typing import Any

from pdebridge.configuration.experiment import Scalar
from pdebridge.errors import UserError

Point = dict[str, Scalar]


def points(grid: dict[str, list[Scalar]], cells: list[str], where: str) -> dict[str, tuple[str, Point]]:
    """Return the cells of a grid: the base cell and the values of the keys, by the new cell's name.

    A name is made of the base cell's, left out where it is the only one, and of ``key-value`` with the end of each key:
    ``T5_steps-4_lr-0.01``. The last key varies fastest.

    Args:
        grid: the values of each key, given by its path ``training.optimizer.lr``.
        cells: names of the base cells.
        where: the file, for messages.

    Raises:
        UserError: two combinations have one name.
    """
    found: dict[str, tuple[str, Point]] = {}
    for base, values in product(cells, product(*grid.values())):
        point = dict(zip(grid, values, strict=True))
        name = "_".join(part for part in (base if len(cells) > 1 else "", _place(point)) if part) or base
        if name in found:
            raise UserError(f"{where}: grid: two of its cells would be called {name!r}")
        found[name] = base, point
    return found


def _place(point: Point) -> str:
    ends = labels(list(point))
    return "_".join(f"{ends[key]}-{_slug(value)}" for key, value in point.items())


def base_of(name: str, point: Point) -> str:
    """Return the name of the cell that a cell of a grid varies; empty where there is one alone."""
    return name.removesuffix(_place(point)).removesuffix("_")


def labels(keys: list[str]) -> dict[str, str]:
    """Return the shortest end of each key that is not the end of another: ``steps`` for ``network.steps``."""
    parts = {key: key.split(".") for key in keys}
    ends = {key: [".".join(path[-n:]) for n in range(1, len(path) + 1)] for key, path in parts.items()}
    return {
        key: next((end for end in ends[key] if sum(end in other for other in ends.values()) == 1), key) for key in keys
    }


def _slug(value: Scalar) -> str:
    text = str(value).lower() if value is None or isinstance(value, bool) else str(value)
    return re.sub(r"[^A-Za-z0-9.+-]", "-", text).replace("+", "")


def nested(key: str, value: Any) -> dict[str, Any]:
    """Return ``{a: {b: value}}`` of the key ``a.b``."""
    for part in reversed(key.split(".")):
        value = {part: value}
    return dict(value)
