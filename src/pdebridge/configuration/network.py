"""``network`` of an experiment: dense, staged or published, a point of the cube."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from pdebridge.configuration.model import Count, Named, Of, Positive, Strict
from pdebridge.cube import known
from pdebridge.networks.published import PUBLISHED

Steps = Annotated[int, Field(ge=1, le=10**6)]
"""Every step has weights of its own, unless the control says otherwise."""


class DenseNetwork(Strict):
    """Opening, a flow of dense layers, linear classifier (Ruthotto, SIAM News 2021)."""

    layout: Literal["dense"]
    opening: Literal["linear", "tanh", "pad"] = "linear"
    """``u_0 = K_in y``, ``u_0 = tanh(K_in y)``, or ``y`` padded with zeros."""
    width: Count
    """Number of features of the flow."""
    readout: Count | None = None
    """Number of leading features that the classifier sees; all if empty."""
    dynamics: Annotated[Named, Of("dynamics")]
    """Right-hand side ``F``."""
    integrator: Annotated[Named, Of("integrator")] = Named(name="forward-euler")
    """The step."""
    gradient: Annotated[Named, Of("gradient")] = Named(name="stored")
    """How the derivative comes back."""
    control: Annotated[Named, Of("control")] = Named(name="piecewise-constant")
    """How ``theta(t)`` depends on depth."""
    steps: Steps
    """Number ``N`` of steps."""
    time: Positive
    """Final time ``T``; the step size is ``h = T / N``."""

    def in_steps(self, steps: int) -> Self:
        """Return the same network with so many steps to the same ``T``."""
        return self.model_copy(update={"steps": steps})

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
    dynamics: Annotated[Named, Of("dynamics")]
    """Right-hand side ``F``, with convolutions."""
    integrator: Annotated[Named, Of("integrator")]
    """The step."""
    gradient: Annotated[Named, Of("gradient")] = Named(name="stored")
    """How the derivative comes back."""
    steps: Steps = 3
    """Number ``N`` of steps a stage."""
    h: Positive = 1.0
    """Step size."""

    def in_steps(self, steps: int) -> Self:
        """Return the same network with so many steps a stage to the same ``T = N h``."""
        return self.model_copy(update={"steps": steps, "h": self.h * self.steps / steps})

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
    gradient: Annotated[Named, Of("gradient")] = Named(name="stored")
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
