"""``task: series``: sampled trajectories of an evolution equation, a flow that reproduces them, and its training."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pdebridge.configuration.experiment import Epochs, Experiment, SingleDeviceCell
from pdebridge.configuration.model import Count, Named, Of, Positive, Strict
from pdebridge.configuration.network import Steps
from pdebridge.configuration.optimisers import LBFGS, AdamW, Iterated


class Sampling(Strict):
    """What is seen of the trajectories; those of training, validation and test have different initial values."""

    interval: Positive
    """Time between two samples."""
    samples: Annotated[int, Field(ge=2, le=10**6)]
    """Samples of a trajectory."""
    train: Count
    """Trajectories of training; for each value of the parameter where there is one."""
    validation: Count = 1
    """Of validation."""
    test: Count = 1
    """Of the test, without noise."""
    noise: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Standard deviation of what is added to training and validation, over the root mean square of the training."""


class SeriesNetwork(Strict):
    """The flow over one interval, a point of the cube: the template of González-García et al. (1998)."""

    dynamics: Annotated[Named, Of("dynamics")]
    """Right-hand side ``F``; where it wants the ``length`` of the period, the series gives it."""
    integrator: Annotated[Named, Of("integrator")]
    """The step: explicit, implicit-explicit or exponential."""
    gradient: Annotated[Named, Of("gradient")] = Named(name="stored")
    """How the derivative comes back."""
    control: Annotated[Named, Of("control")] = Named(name="constant")
    """``constant``, the equation is autonomous; otherwise as in classification."""
    steps: Steps = 1
    """Number ``N`` of steps in an interval."""

    def point(self) -> dict[str, str]:
        """Return the names on the three axes."""
        return {"dynamics": self.dynamics.name, "integrator": self.integrator.name, "gradient": self.gradient.name}


class LeastSquares(Iterated):
    """Gauss-Newton steps in a trust region, for flows of few weights; wants the full batch and a stored gradient."""

    name: Literal["least-squares"]
    iterations: Count = 20
    """Evaluations an epoch."""


class SeriesTraining(Epochs):
    """How the weights are found; the result are those of the least validation loss."""

    optimizer: Annotated[LeastSquares | LBFGS | AdamW, Field(discriminator="name")]
    batch_size: Count | None = None
    """Pieces a step; the full batch if empty."""
    steps: Count = 1
    """Intervals of a piece, over all of which the loss is taken."""
    stride: Count = 1
    """Samples from the start of one piece to that of the next; with 1, pieces overlap."""
    precision: Literal["float32", "float64"] = "float64"


class SeriesExperiment(Experiment):
    """Flows that reproduce series."""

    task: Literal["series"]
    series: Annotated[Named, Of("series")]
    sampling: Sampling
    network: SeriesNetwork
    training: SeriesTraining


class SeriesCell(SingleDeviceCell):
    """One series, one flow, one training."""

    task: Literal["series"]
    series: Annotated[Named, Of("series")]
    sampling: Sampling
    network: SeriesNetwork
    training: SeriesTraining

    @model_validator(mode="after")
    def _pieces_fit(self) -> Self:
        steps, samples = self.training.steps, self.sampling.samples
        if samples < steps + 1:
            raise ValueError(
                f"training.steps: a piece of {steps} intervals needs {steps + 1} samples, and sampling.samples is"
                f" {samples}: the series is too short"
            )
        return self

    @model_validator(mode="after")
    def _optimiser_fits(self) -> Self:
        name, gradient = self.training.optimizer.name, self.network.gradient.name
        if name != "adamw" and self.training.batch_size is not None:
            raise ValueError(f"training.batch_size: {name} wants the full batch (found {self.training.batch_size})")
        if name == "least-squares" and gradient != "stored":
            raise ValueError(f"network.gradient: least-squares wants stored (found {gradient!r})")
        return self

    @property
    def subject(self) -> tuple[str, str, Named]:
        """Return the series."""
        return "series", "series", self.series

    def place(self) -> dict[str, str]:
        """Return the series and the names on the three axes."""
        return {"series": self.series.name, **self.network.point()}
