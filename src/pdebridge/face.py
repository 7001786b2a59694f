"""What a user calls by name: ``pdebridge.names("gradient")``, ``pdebridge.cell("figure1/T5")`` and so on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pdebridge.catalogue import CATALOGUE
from pdebridge.cube import known, named
from pdebridge.errors import UserError

if TYPE_CHECKING:
    from pdebridge.configuration.experiment import Cell
    from pdebridge.studies.result import StudyResult
    from pdebridge.training.games import Solved
    from pdebridge.training.restore import Run


def names(kind: str) -> list[str]:
    """Return the names of a kind: ``dynamics``, ``integrator``, ``gradient``, ``control``, ``data set``, ``game``, ...

    Args:
        kind: a key of ``pdebridge.catalogue.CATALOGUE``, or ``network`` for the published ones.

    Raises:
        ValueError: there is no such kind; the message names those that there are.
    """
    if kind == "network":
        from pdebridge.networks.published import PUBLISHED

        return sorted(PUBLISHED)
    return sorted(known(kind, {**CATALOGUE, "network": {}}, "kind"))


def experiments() -> list[str]:
    """Return the names of the experiments in ``config/experiments``."""
    from pdebridge.configuration.load import experiment_files

    return sorted(experiment_files())


def cell(what: str, changes: Mapping[str, Any] | None = None) -> Cell:
    """Return the resolved configuration of one training.

    Args:
        what: ``experiment/cell``, such as ``figure1/T5``.
        changes: dotted keys of the experiment and their values, such as ``{"training.epochs": 2}``.

    Raises:
        UserError: an unknown experiment, cell or key, or a value that does not fit.
    """
    from pdebridge.cli.settings import cell_of
    from pdebridge.configuration.grid import nested
    from pdebridge.configuration.load import CONFIG, merge, read_yaml, settings_from

    changed = merge({}, *(nested(key, value) for key, value in (changes or {}).items()))
    overrides = {"overrides": {what.partition("/")[0]: changed}} if changed else {}
    return cell_of(what, settings_from(merge(read_yaml(CONFIG), overrides), f"{CONFIG} with the changes"))


def train(what: Cell | str, folder: str | Path | None = None) -> list[Path]:
    """Train every seed of a cell that is not there yet, untracked, and return the run directories.

    Args:
        what: a `cell`, or its name.
        folder: of ``seed-0``, ``seed-1``, ...; default ``results/mine/EXPERIMENT/CELL``.
    """
    from pdebridge.configuration.settings import Tracking
    from pdebridge.training.fit import train as train_seeds

    wanted = cell(what) if isinstance(what, str) else what
    where = Path(folder) if folder is not None else Path("results/mine") / wanted.key
    return train_seeds(wanted, Tracking(mode="disabled"), where, [])


def restore(folder: str | Path) -> Run | Solved:
    """Read a finished training back: its configuration, seed, and network with its data, or potential with its game.

    Args:
        folder: a run directory, ``.../seed-0``.

    Raises:
        UserError: it holds no finished run, or a damaged one.
    """
    from pdebridge.files import read_json
    from pdebridge.records import RUN, check
    from pdebridge.training import games
    from pdebridge.training import restore as classifications

    check(Path(folder))
    task = read_json(Path(folder) / RUN)["cell"]["task"]
    if task == "classification":
        return classifications.restore(Path(folder))
    if task == "game":
        return games.restore(Path(folder))
    raise UserError(f"{folder}: a run of the task {task!r}; classifications and games can be restored")


def study(name: str, runs: Iterable[str | Path] = (), **options: Any) -> StudyResult:
    """Measure finished runs by one of ``names("study")``, or the study alone where it needs none.

    Args:
        name: of the study.
        runs: run directories.
        options: those of the study.
    """
    found: StudyResult = named("study", name)([Path(run) for run in runs], **options)
    return found
