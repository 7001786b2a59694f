"""Experiments with networks that tell classes apart: how they are trained, and what fits together."""

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pdebridge.configuration.experiment import Cell, Experiment
from pdebridge.configuration.model import Count, Named, Of, Positive, Strict
from pdebridge.configuration.network import Network
from pdebridge.configuration.optimisers import Optimiser


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
    loss: Literal["cross-entropy", "squared-hinge", "margin"] = "cross-entropy"
    """Of the logits; ``squared-hinge`` is that of Li & Hao (ICML 2018), ``margin`` of Meunier et al. (ICML 2022)."""
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


class ClassificationExperiment(Experiment):
    """Networks that tell classes apart."""

    task: Literal["classification"] = "classification"
    data: Annotated[Named, Of("data set")]
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
        constant = network.layout != "dense" or network.control.name == "piecewise-constant"
        if network.layout == "published" or not constant or self.devices > 1:
            raise ValueError(
                "training.levels needs network.layout: dense with network.control: piecewise-constant, or"
                " network.layout: staged; and devices: 1"
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

    @property
    def subject(self) -> tuple[str, str, Named]:
        """Return the data set."""
        return "data", "data set", self.data

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
