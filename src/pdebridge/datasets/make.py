"""One call for every data set, made or downloaded."""

import inspect
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
    function = named("data set", name)
    parameters = inspect.signature(function).parameters
    check_options(
        options, [name for name in parameters if name not in ("seed", "folder", "mirror")], f"data set {name!r}"
    )
    where = {"folder": folder, "mirror": mirror} if "folder" in parameters else {}
    made: DataSet = function(seed=seed, **where, **options)
    return made
