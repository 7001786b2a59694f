"""What the command line says of settings, and the cell that it names."""

import json
from argparse import Namespace
from typing import Any, TypeVar

from pydantic import BaseModel

from pdebridge.configuration.experiment import Cell
from pdebridge.configuration.grid import nested
from pdebridge.configuration.load import (
    CONFIG,
    cells,
    merge,
    parse,
    parse_cell,
    parse_yaml,
    read_experiment,
    read_yaml,
    settings_from,
)
from pdebridge.configuration.settings import Settings
from pdebridge.errors import UserError

Model = TypeVar("Model", bound=BaseModel)


def settings_of(options: Namespace, experiment: str = "") -> Settings:
    """Return config/config.yaml with ``--config`` files and ``--set`` pairs laid over it.

    Where the command names an ``experiment``, a pair whose key no setting has is a key of that experiment.
    """
    content = read_yaml(CONFIG)
    for path in options.config or []:
        content = merge(content, read_yaml(path))
    for pair in options.set:
        change = _assignment(pair)
        if experiment and not set(change) <= set(Settings.model_fields):
            change = {"overrides": {experiment: change}}
        content = merge(content, change)
    return settings_from(content, f"{CONFIG} with the command line's changes")


def _assignment(pair: str) -> dict[str, Any]:
    key, equals, value = pair.partition("=")
    if not key or not equals:
        raise UserError(f"--set {pair}: expected KEY=VALUE, such as tracking.mode=disabled")
    content = parse_yaml(value, f"--set {pair}")
    return nested(key, content)


def cell_of(what: str, settings: Settings) -> Cell:
    """Return the cell that ``experiment/cell`` names; an experiment with one cell needs no second part."""
    name, _, wanted = what.partition("/")
    there = {cell.cell: cell for cell in cells(read_experiment(name), settings)}
    if not wanted and len(there) == 1:
        return next(iter(there.values()))
    if wanted not in there:
        raise UserError(f"{what}: name one of its cells: {', '.join(f'{name}/{cell}' for cell in there)}")
    return there[wanted]


def mapping(text: str, option: str) -> dict[str, Any]:
    """Return the JSON mapping that an option holds."""
    try:
        content = json.loads(text)
    except ValueError as error:
        raise UserError(f"{option}: not JSON ({error})") from None
    if not isinstance(content, dict):
        raise UserError(f"{option}: expected a JSON mapping, such as '{{\"key\": 1}}' (found {text[:40]!r})")
    return content


def section(model: type[Model], text: str, option: str) -> Model:
    """Return the section of the configuration that an option holds as JSON."""
    return parse(model, mapping(text, option), option)


def resolved(texts: list[str]) -> list[Cell]:
    """Return the resolved cells that ``--resolved`` holds."""
    return [parse_cell(mapping(text, "--resolved"), "--resolved") for text in texts]
