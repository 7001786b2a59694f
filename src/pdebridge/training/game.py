"""The LightningModule for mean field games, whatever the game."""

from collections.abc import Iterator
from itertools import accumulate, islice
from typing import Any

import torch
from torch import Tensor
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import DataLoader

from pdebridge.configuration.game import GameCell
from pdebridge.dynamics.processes import world
from pdebridge.meanfield.evaluation import Refinement, validate
from pdebridge.meanfield.games import Game
from pdebridge.meanfield.objective import Terms, objective
from pdebridge.meanfield.potential import Potential
from pdebridge.meanfield.sampling import Samples
from pdebridge.optimisation.quasi_newton import QuasiNewton
from pdebridge.training import games
from pdebridge.training.batches import Place
from pdebridge.training.task import Figures, Task

FINE = 32  # least number of Runge-Kutta steps of a reported cost, and at least four times those of the training
TOLERANCE = 0.01  # relative change of the cost with the time steps beyond which the integrator was exploited
CHUNK = 2048  # validation points at once
VALIDATION_SEED = 54321  # another one than that of the points on which costs are reported


class Draws:
    """The samples of an epoch's iterations: a function of the seed and the epoch alone.

    Of ``R`` processes, the one of rank ``r`` gets the samples ``r, r + R, r + 2 R, ...`` of every draw: equal shares,
    so that the mean of their gradients is the gradient of the mean. Lightning calls ``set_epoch`` through the
    ``sampler`` attribute before each epoch.

    Args:
        samples: the draws of the whole training.
        length: iterations of an epoch, a multiple of those between two draws.
    """

    def __init__(self, samples: Samples, length: int) -> None:
        self.samples, self.length = samples, length
        self.sampler, self.batch_sampler, self.epoch = self, None, 0
        self.place = Place()

    def set_epoch(self, epoch: int) -> None:
        """Choose the draws."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Tensor]:
        # a generator: after a resumption Lightning asks for the iterator before it sets the epoch
        rank, ranks = world()
        draws = islice(self.samples.starting_at(self.epoch * self.length), self.length)
        for draw in self.place.rest(draws, self.epoch):
            yield draw.x[rank::ranks]

    def state_dict(self) -> dict[str, int]:
        """Return where the epoch is, for a checkpoint."""
        return self.place.state_dict()

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on from there."""
        self.place.load_state_dict(state)

    @property
    def opens_a_level(self) -> bool:
        """Tell whether the epoch is the first with its number of samples."""
        iterations = [0, *(level.iterations for level in self.samples.levels)]
        return self.epoch * self.length in accumulate(iterations)


class MeanFieldGame(Task):
    """Minimise the five terms of the Lagrangian objective over the weights of ``Phi`` (Ruthotto et al. 2020).

    At the end of an epoch the objective is measured on fixed quasi-random points; the weights of the least one are
    kept as a copy, and are the result.

    Args:
        solved: the game.
        net: ``Phi``.
        cell: the budget.
        seed: of the draws.
    """

    net: Potential

    def __init__(self, solved: Game, net: Potential, cell: GameCell, seed: int) -> None:
        super().__init__(net, cell.epochs, seed)
        self.game, self.spec = solved, cell.training
        self.draws = Draws(games.samples(cell, solved, seed), cell.training.epoch)
        self.tested: list[Tensor] = []

    def loaders(self) -> tuple[Draws, DataLoader[Tensor]]:
        """Return the draws and the validation points."""
        points = self.game.initial.sobol(self.spec.validation.points, VALIDATION_SEED)
        return self.draws, DataLoader(points.split(CHUNK), batch_size=None)

    def on_train_batch_start(self, batch: Tensor, batch_idx: int) -> None:
        """Tell a quasi-Newton method of new samples, of which it must forget its value, or everything at a level."""
        method = self.optimizers(use_pl_optimizer=False)
        if isinstance(method, QuasiNewton) and batch_idx % self.spec.every == 0:
            method.resampled()
            if batch_idx == 0 and self.draws.opens_a_level:
                method.reset()

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        """Return the objective on the samples."""
        loss = objective(self.game, self.net, batch, self.spec.steps).total
        self.losses = [loss.detach()]
        return loss

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        """Gather the terms, weighted by the share of the points."""
        terms = objective(self.game, self.net, batch, self.spec.validation.steps or self.spec.steps)
        self.tested.append(torch.stack(terms) * (len(batch) / self.spec.validation.points))

    def epoch_figures(self) -> Figures:
        """Return and forget the terms gathered since the last call; keep the weights if they are the best so far."""
        terms = Terms(*torch.stack(self.tested).double().sum(0).unbind())
        figures = {"train/loss": float(self.losses[-1]), "val/loss": float(terms.total), **named(terms)}
        self.tested = []
        self.keep_if_best(figures["val/loss"])
        return figures

    def summary(self, last: Figures) -> Figures:
        """Return to the best weights and evaluate them on fresh points, with the training's time steps and finer.

        Costs are weighted and belong to the finer steps; ``refinement/change`` is in per cent, ``refinement/flag`` 1 if
        the time integrator was exploited; ``iteration/seconds`` includes its share of the validation.
        """
        self.return_to_best()
        fine_steps = max(FINE, 4 * self.spec.steps)
        coarse, fine = (validate(self.game, self.net, n, self.spec.evaluation) for n in (self.spec.steps, fine_steps))
        refinement = Refinement(coarse, fine, TOLERANCE)
        kl = min(float(terms.terminal) for terms in (coarse, fine))
        return {
            **{name.replace("val/", "cost/").replace("cost/hjb-", "hjb/"): v for name, v in named(fine).items()},
            "cost/total": float(fine.cost),
            "cost/total-train-nt": float(coarse.cost),
            "kl/min": kl / self.game.alpha.terminal if self.game.alpha.terminal else 0.0,
            "refinement/flag": float(bool(refinement.exploited)),
            "refinement/change": 100 * refinement.change,
            "parameters": sum(p.numel() for p in self.net.parameters()),
            "iteration/seconds": last["seconds"] / len(self.draws.samples),
        }

    def blame(self, batch: Tensor) -> str:
        """Name the weights that are not finite, or the integration, and the settings to change."""
        steps = f"training.steps (now {self.spec.steps})"
        return self.first_weights_or("the characteristics", self.spec.optimizer, steps)

    def configure_optimizers(self) -> Any:
        """Return the optimiser and, for Adam, a cosine rate to zero over all iterations."""
        found = games.optimiser(self.spec, self.net)
        if self.spec.optimizer.name != "adam":
            return found
        schedule = CosineAnnealingLR(found, len(self.draws.samples))
        return {"optimizer": found, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def named(terms: Terms) -> Figures:
    """Return the weighted terms by the names of the history."""
    names = ("val/L", "val/F", "val/G", "val/hjb-path", "val/hjb-final")
    return {name: float(term) for name, term in zip(names, terms, strict=True)}


def assemble(cell: GameCell, seed: int) -> MeanFieldGame:
    """Return the module with freshly initialised weights."""
    net = games.build(cell, seed)
    assert isinstance(net, Potential)
    return MeanFieldGame(games.game(cell), net, cell, seed)
