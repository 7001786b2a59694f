"""``task: game``: a mean field game, the potential that solves it, and its training."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pdebridge.configuration.experiment import Cell, Experiment
from pdebridge.configuration.model import Count, Named, Of, Positive, Strict

NotNegative = Annotated[float, Field(ge=0)]
TERMS = Literal["transport", "running", "terminal", "hjb_path", "hjb_final"]


class Game(Named):
    """A game by its name, or ``module:function`` of one's own that is called with d and the options."""

    d: Count
    """Dimension of the space."""
    alpha: dict[TERMS, NotNegative] = {}
    """Weights of the objective's terms that replace the game's own."""


class Potential(Strict):
    """The network ``Phi`` (Ruthotto et al. 2020; low rank as in Onken et al. 2021)."""

    width: Count = 16
    """Features ``m`` of the opening and of the residual layer."""
    rank: Count | None = None
    """Rows of ``A`` in ``A^T A``, at most d + 1; empty for the published full symmetric matrix."""
    spread: Positive = 0.01
    """Standard deviation of the initial entries of ``K_0`` and ``K_1``."""


class Adam(Strict):
    """Adam with a cosine rate to zero over all iterations."""

    name: Literal["adam"]
    lr: Positive = 1e-3


class LBFGS(Strict):
    """L-BFGS with a weak Wolfe line search; keeps its pairs when samples are redrawn, drops them at a new level."""

    name: Literal["lbfgs"]
    history: Count = 20
    """Stored pairs."""


class BFGS(Strict):
    """Dense BFGS: a square matrix of the number of weights; dropped at a new level (published)."""

    name: Literal["bfgs"]


class Level(Strict):
    """Iterations with a number of samples; the weights are carried over to the next level."""

    samples: Count
    iterations: Count


class Validation(Strict):
    """Fixed quasi-random points on which the weights of the least objective are chosen."""

    points: Count = 10_240
    steps: Count | None = None
    """Runge-Kutta steps; those of the training if empty (published)."""


class GameTraining(Strict):
    """How the potential is found."""

    optimizer: Annotated[Adam | LBFGS | BFGS, Field(discriminator="name")]
    levels: Annotated[list[Level], Field(min_length=1)]
    steps: Count
    """Runge-Kutta steps ``nt`` on [0, 1]."""
    epoch: Count = 25
    """Iterations of an epoch, after which the potential is validated."""
    resample: Count | None = None
    """Iterations between two draws of the samples; an epoch if empty (published: 25)."""
    sampling: Literal["independent", "stratified", "sobol"] = "independent"
    """Independent, with equal numbers of every component of the initial density (published), or quasi-random."""
    validation: Validation = Validation()
    evaluation: Count = 2**14
    """Fresh quasi-random points on which the costs of the trained potential are reported."""
    precision: Literal["float32", "float64"] = "float32"

    @model_validator(mode="after")
    def _whole_epochs(self) -> Self:
        if self.epoch % self.every:
            raise ValueError(f"resample must divide the {self.epoch} iterations of an epoch (found {self.resample})")
        for level in self.levels:
            if level.iterations % self.epoch:
                raise ValueError(
                    f"iterations of a level must be a multiple of epoch = {self.epoch} (found {level.iterations})"
                )
        return self

    @property
    def every(self) -> int:
        """Return the number of iterations between two draws."""
        return self.resample or self.epoch

    @property
    def epochs(self) -> int:
        """Return the number of epochs of all levels."""
        return sum(level.iterations for level in self.levels) // self.epoch

    def capped(self, epochs: int) -> Self:
        """Return the same training, cut after so many epochs."""
        levels, left = [], epochs * self.epoch
        for level in self.levels:
            levels.append(level.model_copy(update={"iterations": min(left, level.iterations)}))
            left -= levels[-1].iterations
        return self.model_copy(update={"levels": [level for level in levels if level.iterations]})


class GameExperiment(Experiment):
    """Mean field games."""

    task: Literal["game"]
    game: Annotated[Game, Of("game")]
    potential: Potential
    training: GameTraining
    devices: Count = 1
    """Devices of one machine that share the samples of each iteration, each with a process of its own: GPUs where there
    are any. Adam's steps are those of one device, to rounding."""


class GameCell(Cell):
    """One game, one potential, one training."""

    task: Literal["game"]
    game: Game
    potential: Potential
    training: GameTraining

    @model_validator(mode="after")
    def _can_be_shared(self) -> Self:
        method = self.training.optimizer.name
        if self.devices > 1 and method != "adam":
            raise ValueError(f"devices must be 1 with {method}, whose line search is sequential (found {self.devices})")
        for level in self.training.levels:
            if level.samples % self.devices:
                raise ValueError(
                    f"samples of a level must be a multiple of devices = {self.devices} (found {level.samples})"
                )
        return self

    @property
    def epochs(self) -> int:
        """Return the number of epochs of one training."""
        return self.training.epochs

    def capped(self, epochs: int) -> Self:
        """Return the same cell with at most so many epochs."""
        return self.model_copy(update={"training": self.training.capped(epochs)})

    @property
    def subject(self) -> tuple[str, str, Named]:
        """Return the game."""
        return "game", "game", self.game

    def place(self) -> dict[str, str]:
        """Return game, dimension and quadratic part of the potential."""
        rank = self.potential.rank
        return {
            "game": self.game.name,
            "dimension": f"d = {self.game.d}",
            "quadratic": "full" if rank is None else f"rank {rank}",
        }
