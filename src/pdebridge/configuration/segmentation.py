"""``task: segmentation``: volumes with masks, a network with a class at every voxel, and its training."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pdebridge.configuration.experiment import Epochs, Experiment, SingleDeviceCell
from pdebridge.configuration.model import Count, Named, Of, Positive, Strict
from pdebridge.configuration.network import PublishedNetwork
from pdebridge.configuration.optimisers import AdamW

NotNegative = Annotated[float, Field(ge=0)]


class Distortion(Strict):
    """Random changes of the training cases, drawn anew every epoch; the mask follows the image."""

    flip: list[Annotated[int, Field(ge=0, le=2)]] = []
    """Axes along which half of the cases are reflected: slices 0, rows 1, columns 2."""
    rotation: Annotated[float, Field(ge=0, le=45)] = 0.0
    """Largest angle in degrees, in the plane of rows and columns."""
    scale: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Largest relative change of size, drawn for each axis."""


class SegmentationTraining(Epochs):
    """How the weights are found."""

    optimizer: AdamW
    batch_size: Count = 1
    """Cases a step, which then have one shape and one spacing."""
    dice: NotNegative = 1.0
    """Weight of ``1 - D``, ``D`` the mean of the classes' Dice scores of the probabilities."""
    cross_entropy: NotNegative = 1.0
    """Weight of the cross-entropy, mean over the voxels."""
    augmentation: Distortion = Distortion()
    """Nothing by default."""
    precision: Literal["float32", "float64", "bf16-mixed"] = "float32"
    """As in classification."""
    select: Literal["last", "best"] = "last"
    """Weights of the last epoch, or of the best mean Dice of the validation."""

    @model_validator(mode="after")
    def _something_to_minimise(self) -> Self:
        if not self.dice + self.cross_entropy:
            raise ValueError("dice or cross_entropy must be more than 0: nothing else is minimised")
        return self


class SegmentationExperiment(Experiment):
    """Networks that give every voxel a class."""

    task: Literal["segmentation"]
    data: Annotated[Named, Of("volumes")]
    spacing: Positive = 1.0
    """Millimetres at which the kernels of a ``spaced`` network are their weights; those of other grids follow."""
    network: PublishedNetwork
    training: SegmentationTraining


class SegmentationCell(SingleDeviceCell):
    """One data set of volumes, one network, one training."""

    task: Literal["segmentation"]
    data: Named
    spacing: Positive = 1.0
    network: PublishedNetwork
    training: SegmentationTraining

    @property
    def subject(self) -> tuple[str, str, Named]:
        """Return the data set."""
        return "data", "volumes", self.data

    def place(self) -> dict[str, str]:
        """Return the data set and the names on the axes that the network has."""
        return {"volumes": self.data.name, **self.network.point()}
