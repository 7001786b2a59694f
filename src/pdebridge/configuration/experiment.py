"""``config/experiments/*.yaml``: one file, one published experiment; what all tasks share."""

from abc import abstractmethod
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from pdebridge.configuration.model import Count, Named, Of, Scale, Strict
from pdebridge.configuration.settings import DataFolders

SLUG = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
KEY = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$"
Scalar = bool | int | float | str | None
"""A value of a grid."""


class Source(Strict):
    """Where the experiment was published."""

    reference: str
    """A key of ``config/references.yaml``."""
    locator: str
    """Figure, table, section or file."""


class Experiment(Strict):
    """The keys of every experiment's file; ``cells`` and ``at`` hold what differs, the task adds its own keys."""

    task: str
    name: Annotated[str, Field(pattern=SLUG)]
    """The file's name without ``.yaml``."""
    title: str
    """One line for lists and captions."""
    source: Source
    scale: Scale = "laptop"
    """The smallest scale that carries it."""
    seeds: Count = 3
    """Seeds 0, 1, ..., n-1."""
    cells: dict[Annotated[str, Field(pattern=SLUG)], dict[str, Any]] = {"default": {}}
    """Variants by name, each with the keys that it replaces, ``scale`` among them: the smallest that carries the cell.
    One job trains all seeds of a cell, or one seed where both experiment and run are of scale workstation or more."""
    grid: dict[Annotated[str, Field(pattern=KEY)], Annotated[list[Scalar], Field(min_length=1)]] = {}
    """A sweep: keys by their path with the values that they take, ``network.steps: [4, 8, 16]``. Every cell is trained
    at every combination; the keys are columns of its table, and the study and figure ``sweep`` are added."""
    cells_per_job: Count = 1
    """Cells that one job trains one after another, so that small ones share the seconds that imports take."""
    at: dict[Scale, dict[str, Any]] = {}
    """Keys that a scale replaces, the list of studies with their options among them: budgets only."""
    studies: list[Annotated[Named, Of("study")]] = []
    """Measurements on the trained networks."""
    figures: list[Annotated[Named, Of("figure")]] = []
    """Figures that are drawn from the studies."""


class Cell(Strict):
    """A fully resolved variant of an experiment: what one training job is given, and what its runs record."""

    task: str
    experiment: str
    cell: str
    title: str
    scale: Scale
    source: Source
    seeds: Count
    devices: Count = 1
    folders: DataFolders = DataFolders()
    varied: dict[str, Scalar] = {}
    """Its place in the experiment's grid: value by key."""

    @property
    def key(self) -> str:
        """Return ``experiment/cell``."""
        return f"{self.experiment}/{self.cell}"

    @property
    @abstractmethod
    def epochs(self) -> int:
        """Return the number of epochs of one training."""

    @abstractmethod
    def capped(self, epochs: int) -> Self:
        """Return the same cell with at most so many epochs."""

    @property
    def subject(self) -> tuple[str, str, Named] | None:
        """Return what is learned from, as its key, its kind in the catalogue and its value; None of a study."""
        return None

    @abstractmethod
    def place(self) -> dict[str, str]:
        """Return what is trained, in names: what lists, tags and descriptions show."""


class Epochs(Strict):
    """A training of so many epochs."""

    epochs: Count


class SingleDeviceCell(Cell):
    """A cell that one device trains, for as many epochs as its training says."""

    training: Epochs

    @model_validator(mode="after")
    def _on_one_device(self) -> Self:
        if self.devices > 1:
            raise ValueError(f"devices must be 1 for a {self.task} (found {self.devices})")
        return self

    @property
    def epochs(self) -> int:
        """Return the number of epochs of one training."""
        return self.training.epochs

    def capped(self, epochs: int) -> Self:
        """Return the same cell with at most so many epochs."""
        capped = self.training.model_copy(update={"epochs": min(epochs, self.epochs)})
        return self.model_copy(update={"training": capped})


class StudyExperiment(Experiment):
    """Studies that train nothing."""

    task: Literal["study"]
    cells: dict[Annotated[str, Field(pattern=SLUG)], dict[str, Any]] = Field(default={}, max_length=0)
    """Stays empty."""
