"""``config/config.yaml``: at which scale, with which seeds, where to, and how it is tracked."""

from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BeforeValidator, model_validator

from pdebridge.configuration.model import Count, Scale, Strict


def _typed(value: Any) -> Any:
    """Return nested values with their YAML types: Snakemake hands those of ``--config`` over as text."""
    if isinstance(value, dict):
        return {key: _typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_typed(item) for item in value]
    return _scalar(value) if isinstance(value, str) else value


def _scalar(text: str) -> Any:
    """Return the number, truth or nothing that a text stands for, or the text: what looks like a mapping is one."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    return value if isinstance(value, int | float | None) else text


class Tracking(Strict):
    """Weights & Biases; every history is also a CSV file in the run directory, whatever stands here."""

    mode: Literal["offline", "online", "disabled"] = "offline"
    """``offline`` needs no account and no network; the environment variable WANDB_MODE wins over this key."""
    project: str = "pdebridge"
    """Name of the W&B project."""
    entity: str | None = None
    """W&B user or team; the account's default if empty."""
    artifacts: Literal["off", "final", "all"] = "off"
    """``final``: weights of every training, the list of its data, the report and its figures; ``all``: the files of
    downloaded data, histories and arrays of studies too."""


class DataFolders(Strict):
    """Where downloaded data sets live."""

    folder: str = "data"
    """Downloads go here."""
    mirror: str | None = None
    """A folder that is tried before the official address; PDEBRIDGE_MIRROR is used if this is empty."""


class Limits(Strict):
    """Caps on every experiment's budget, for a run of seconds through the same code path."""

    cells: Count | None = None
    """At most so many cells of an experiment, the first ones."""
    seeds: Count | None = None
    """At most so many seeds."""
    epochs: Count | None = None
    """At most so many epochs."""


class Settings(Strict):
    """The keys of ``config/config.yaml``."""

    scale: Scale = "laptop"
    """Which budgets apply; a scale changes budgets, never the mathematics."""
    experiments: list[str] | Literal["all"] = "all"
    """Names of files in ``config/experiments``, or ``all`` that the scale carries."""
    threads: Count = 1
    """Cores of one training job; with one, jobs run side by side instead of fighting."""
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    """``auto`` is the CPU below two million multiplications a layer and batch, else a GPU if there is one."""
    tracking: Tracking = Tracking()
    data: DataFolders = DataFolders()
    limits: Limits = Limits()
    overrides: Annotated[dict[str, dict[str, Any]], BeforeValidator(_typed)] = {}
    """Per experiment, keys that replace its file's: ``{figure1: {training: {epochs: 5}}}``."""

    @model_validator(mode="after")
    def _limits_are_labelled(self) -> Self:
        if self.limits != Limits() and self.scale != "test":
            raise ValueError("limits need 'scale: test', so that a cut budget never carries another scale's label")
        return self
