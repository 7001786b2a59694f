"""What the command line says of settings, and the cell that it names."""

from argparse import Namespace
from typing import Any

import yaml

from pdebridge.configuration.experiment import Cell
from pdebridge.configuration.load import CONFIG, Loader, cells, merge, read_experiment, read_yaml, settings_from
from pdebridge.configuration.settings import Settings
from pdebridge.errors import UserError


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
    if not equals:
        raise UserError(f"--set {pair}: expected KEY=VALUE, such as tracking.mode=disabled")
    content: Any = yaml.load(value, Loader)
    for part in reversed(key.split(".")):
        content = {part: content}
    return dict(content)


def cell_of(what: str, settings: Settings) -> Cell:
    """Return the cell that ``experiment/cell`` names; an experiment with one cell needs no second part."""
    name, _, wanted = what.partition("/")
    there = {cell.cell: cell for cell in cells(read_experiment(name), settings)}
    if not wanted and len(there) == 1:
        return next(iter(there.values()))
    if wanted not in there:
        raise UserError(f"{what}: name one of its cells: {', '.join(f'{name}/{cell}' for cell in there)}")
    return there[wanted]
