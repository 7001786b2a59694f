"""``config/experiments/*.yaml``: one file, one published experiment; what all tasks share, and classification."""

from abc import abstractmethod
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from pdebridge.configuration.model import Count, Named, Positive, Scale, Strict, in_table, on_axis
from pdebridge.configuration.optimisers import Optimiser
from pdebridge.configuration.settings import DataFolders
from pdebridge.cube import CONTROLS, known
from pdebridge.datasets.names import DATASETS
from pdebridge.networks.published import PUBLISHED
from pdebridge.paper.names import FIGURES
from pdebridge.studies.names import STUDIES

SLUG = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


class Source(Strict):
    """Where the experiment was published."""

    reference: str
    """A key of ``config/references.yaml``."""
    locator: str
    """Figure, table, section or file."""


class DenseNetwork(Strict):
    """Opening, a flow of dense layers, linear classifier (Ruthotto, SIAM News 2021)."""

    layout: Literal["dense"]
    opening: Literal["linear", "tanh", "pad"] = "linear"
    """``u_0 = K_in y``, ``u_0 = tanh(K_in y)``, or ``y`` padded with zeros."""
    width: Count
    """Number of features of the flow."""
    readout: Count | None = None
    """Number of leading features that the classifier sees; all if empty."""
    dynamics: on_axis("dynamics")  # type: ignore[valid-type]
    """Right-hand side ``F``."""
    integrator: on_axis("integrator") = Named(name="forward-euler")  # type: ignore[valid-type]
    """The step."""
    gradient: on_axis("gradient") = Named(name="stored")  # type: ignore[valid-type]
    """How the derivative comes back."""
    control: in_table(CONTROLS, "control") = Named(name="piecewise-constant")  # type: ignore[valid-type]
    """How ``theta(t)`` depends on depth."""
    steps: Count
    """Number ``N`` of steps."""
    time: Positive
    """Final time ``T``; the step size is ``h = T / N``."""

    @model_validator(mode="after")
    def _readout_fits(self) -> Self:
        if self.readout and self.readout > self.width:
            raise ValueError(f"readout must be at most the width {self.width} (found {self.readout})")
        return self

    def point(self) -> dict[str, str]:
        """Return the names on the three axes."""
        return {"dynamics": self.dynamics.name, "integrator": self.integrator.name, "gradient": self.gradient.name}


class StagedNetwork(Strict):
    """Opening, stages of a flow and a connector on coarser and coarser grids (Ruthotto & Haber, JMIV 2020)."""

    layout: Literal["staged"]
    widths: list[Count]
    """Channels of every stage and of the classifier."""
    dynamics: on_axis("dynamics")  # type: ignore[valid-type]
    """Right-hand side ``F``, with convolutions."""
    integrator: on_axis("integrator")  # type: ignore[valid-type]
    """The step."""
    gradient: on_axis("gradient") = Named(name="stored")  # type: ignore[valid-type]
    """How the derivative comes back."""
    steps: Count = 3
    """Number ``N`` of steps a stage."""
    h: Positive = 1.0
    """Step size."""

    def point(self) -> dict[str, str]:
        """Return the names on the three axes."""
        return {"dynamics": self.dynamics.name, "integrator": self.integrator.name, "gradient": self.gradient.name}


class PublishedNetwork(Strict):
    """A published network by its name: ``jmiv-hamiltonian-cifar10``."""

    layout: Literal["published"]
    name: str
    """A name that ``pdebridge list`` shows."""
    options: dict[str, Any] = {}
    """Arguments of the layout in place of the published ones, for other images: ``{channels: 1, classes: 10}``."""
    gradient: on_axis("gradient") = Named(name="stored")  # type: ignore[valid-type]
    """How the derivative comes back."""

    @field_validator("name")
    @classmethod
    def _is_published(cls, name: str) -> str:
        known(name, PUBLISHED, "published network")
        return name

    def point(self) -> dict[str, str]:
        """Return the names on the axes that the network has."""
        options = PUBLISHED[self.name].options
        axes = {str(axis): str(options[axis]) for axis in ("dynamics", "integrator") if axis in options}
        return {**axes, "gradient": self.gradient.name}


Network = Annotated[DenseNetwork | StagedNetwork | PublishedNetwork, Field(discriminator="layout")]


class Augmentation(Strict):
    """Random changes of the training images, drawn anew every epoch."""

    pad: Annotated[int, Field(ge=0)] = 0
    """Largest shift in pixels; zeros move in."""
    flip: bool = False
    """Reflect half of the images left to right."""


class Level(Strict):
    """A coarser network of a multilevel training."""

    steps: Annotated[int, Field(ge=2)]
    """Its number of steps, which divides that of the next level; the step size is ``T / steps``."""
    epochs: Count
    """Epochs, with an optimiser and a schedule of its own."""


class Training(Strict):
    """How the weights are found."""

    optimizer: Optimiser
    levels: list[Level] = []
    """Coarser networks that are trained first, one after the other, the control prolonged linearly in time from each to
    the next (Haber & Ruthotto 2017). Their epochs are among ``epochs``; the last ones are those of the network itself.
    """
    loss: Literal["cross-entropy", "squared-hinge"] = "cross-entropy"
    """Of the logits; ``squared-hinge`` is that of Li & Hao (ICML 2018)."""
    epochs: Count
    batch_size: Count | None = None
    """Samples a step; the full batch if empty."""
    augmentation: Augmentation = Augmentation()
    """Of images; nothing by default."""
    precision: Literal["float32", "float64", "bf16-mixed"] = "float32"
    """``bf16-mixed``: the training evaluates convolutions and matrix products in bfloat16; weights, features and
    updates stay float32, and so does the evaluation of the trained network."""
    smoothness: Annotated[float, Field(ge=0)] = 0.0
    """alpha of ``alpha h / 2 sum_j |(theta_{j+1} - theta_j) / h|^2`` (Haber & Ruthotto 2017)."""
    variation: Annotated[float, Field(ge=0)] = 0.0
    """alpha_1 of the total variation in time (Ruthotto & Haber 2020, eq. 13)."""
    box: Positive | None = None
    """Weights are projected onto ``|theta| <= box`` after every step (Ruthotto & Haber 2020); no box if empty."""
    select: Literal["last", "best"] = "last"
    """Weights of the last epoch, or of the best validation accuracy."""
    tikhonov: Annotated[float, Field(ge=0)] = 0.0
    """gamma of ``gamma h / 2 sum_j |theta_j|^2`` (Haber & Ruthotto 2017)."""
    decay: Annotated[float, Field(ge=0)] = 0.0
    """beta of ``beta / 2 |W|^2`` on the classifier."""


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
    """Variants by name, each with the keys that it replaces; one job trains all seeds of a cell."""
    cells_per_job: Count = 1
    """Cells that one job trains one after another, so that small ones share the seconds that imports take."""
    at: dict[Scale, dict[str, Any]] = {}
    """Keys that a scale replaces, the list of studies with their options among them: budgets only."""
    studies: list[in_table(STUDIES, "study")] = []  # type: ignore[valid-type]
    """Measurements on the trained networks."""
    figures: list[in_table(FIGURES, "figure")] = []  # type: ignore[valid-type]
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

    @abstractmethod
    def place(self) -> dict[str, str]:
        """Return what is trained, in names: what lists, tags and descriptions show."""


class StudyExperiment(Experiment):
    """Studies that train nothing."""

    task: Literal["study"]
    cells: dict[Annotated[str, Field(pattern=SLUG)], dict[str, Any]] = Field(default={}, max_length=0)
    """Stays empty."""


class ClassificationExperiment(Experiment):
    """Networks that tell classes apart."""

    task: Literal["classification"] = "classification"
    data: in_table(DATASETS, "data set")  # type: ignore[valid-type]
    network: Network
    training: Training
    devices: Count = 1
    """Devices of one machine that share each batch of a training, each with a process of its own: GPUs where there are
    any. With ``distributed`` layer-parallel gradients they share the layers. The steps are those of one device, to
    rounding."""


class ClassificationCell(Cell):
    """One data set, one network, one training."""

    task: Literal["classification"] = "classification"
    data: Named
    network: Network
    training: Training

    @model_validator(mode="after")
    def _can_be_shared(self) -> Self:
        layers = self.network.gradient.options.get("distributed", False)
        if self.devices > 1 and self.training.optimizer.name == "lbfgs" and not layers:
            raise ValueError(
                f"devices must be 1 with lbfgs, whose line search sees all samples (found {self.devices}); layers can"
                " be shared, by gradient: {name: layer-parallel, options: {distributed: true}}"
            )
        return self

    @model_validator(mode="after")
    def _levels_fit(self) -> Self:
        spec, network = self.training, self.network
        if not spec.levels:
            return self
        if network.layout != "dense" or network.control.name != "piecewise-constant" or self.devices > 1:
            raise ValueError(
                "training.levels needs network.layout: dense, network.control: piecewise-constant, devices: 1"
            )
        steps = [*(level.steps for level in spec.levels), network.steps]
        if any(fine <= coarse or fine % coarse for coarse, fine in pairwise(steps)):
            raise ValueError(f"training.levels: each number of steps must divide the next, larger one (found {steps})")
        if sum(level.epochs for level in spec.levels) >= spec.epochs:
            raise ValueError(f"training.levels must leave some of the {spec.epochs} epochs to the network itself")
        return self

    @model_validator(mode="after")
    def _optimiser_fits(self) -> Self:
        name = self.training.optimizer.name
        if name in NEEDS and (missing := [need for need, met in NEEDS[name](self).items() if not met]):
            raise ValueError(f"training.optimizer: {name} needs {', '.join(missing)}")
        return self

    @property
    def epochs(self) -> int:
        """Return the number of epochs of one training."""
        return self.training.epochs

    def capped(self, epochs: int) -> Self:
        """Return the same cell with at most so many epochs; where that cuts them, the last levels get one each."""
        if epochs >= self.epochs:
            return self
        kept = self.training.levels[max(len(self.training.levels) - epochs + 1, 0) :]
        levels = [level.model_copy(update={"epochs": 1}) for level in kept]
        return self.model_copy(
            update={"training": self.training.model_copy(update={"epochs": epochs, "levels": levels})}
        )

    def place(self) -> dict[str, str]:
        """Return the names on the three axes."""
        return self.network.point()


def projection(cell: ClassificationCell) -> dict[str, bool]:
    """Return what variable projection of the classifier needs, and whether a cell has it."""
    spec, network = cell.training, cell.network
    return {
        "devices: 1": cell.devices == 1,
        "network.layout: dense": network.layout == "dense",
        "network.gradient: stored": network.gradient.name == "stored",
        "training.loss: cross-entropy": spec.loss == "cross-entropy",
        "no training.batch_size": spec.batch_size is None,
        "no training.variation": not spec.variation,
        "no training.box": spec.box is None,
        "training.decay > 0": spec.decay > 0,
    }


def kept_states(cell: ClassificationCell) -> dict[str, bool]:
    """Return what a method needs that improves the states of the last step, and whether a cell has it."""
    gradient = cell.network.gradient
    return {
        "devices: 1": cell.devices == 1,
        "network.gradient: {name: layer-parallel, options: {warm: true}}": (
            gradient.name == "layer-parallel" and gradient.options.get("warm") is True
        ),
        "no training.batch_size": cell.training.batch_size is None,
    }


def separate_layers(cell: ClassificationCell) -> dict[str, bool]:
    """Return what the Hamiltonians of the layers need to be maximised one by one, and whether a cell has it."""
    spec, network = cell.training, cell.network
    return {
        "devices: 1": cell.devices == 1,
        "network.layout: dense": network.layout == "dense",
        "network.control: piecewise-constant": (
            network.layout != "dense" or network.control.name == "piecewise-constant"
        ),
        "no training.variation": not spec.variation,
        "training.precision: float32 or float64": spec.precision != "bf16-mixed",
    }


NEEDS = {
    "gauss-newton": projection,
    "newton-cg": projection,
    "one-shot": kept_states,
    "msa": separate_layers,
    "e-msa": separate_layers,
}
