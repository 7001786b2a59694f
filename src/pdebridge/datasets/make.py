"""One call for every data set, made or downloaded."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pdebridge.cube import check_options, named
from pdebridge.datasets.dataset import DataSet


def make(
    name: str, *, seed: int = 0, folder: str | Path = "data", mirror: str | Path | None = None, **options: Any
) -> DataSet:
    """Return a data set by its name in the catalogue, or by ``module:function`` for one's own.

    ``folder`` and ``mirror`` are passed on where the data set is downloaded, ``seed`` and ``options`` always.
    Raises ``ValueError`` with the nearest match for an unknown name or option.
    """
    folders = {"folder": folder, "mirror": mirror}
    made: DataSet = call(named("data set", name), f"data set {name!r}", options, folders, seed=seed)
    return made


def call(
    function: Callable[..., Any],
    name: str,
    options: Mapping[str, Any],
    folders: Mapping[str, Any] | None = None,
    **given: Any,
) -> Any:
    """Return what a function makes of what it is given, its options and, where it downloads, the folders.

    Raises ``ValueError`` for an option that it does not have.
    """
    parameters, folders = inspect.signature(function).parameters, folders or {}
    check_options(options, [name for name in parameters if name not in {*given, *folders}], name)
    return function(**given, **(folders if "folder" in parameters else {}), **options)
