"""From configuration to objects: games, potentials, their samples and optimisers, finished runs. No Lightning."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Adam, Optimizer

from pdebridge.configuration.game import GameCell, GameTraining
from pdebridge.cube import check_options, named
from pdebridge.errors import UserError
from pdebridge.meanfield.games import Game
from pdebridge.meanfield.interactions import ExternalCost, Interaction
from pdebridge.meanfield.potential import Potential
from pdebridge.meanfield.sampling import Samples
from pdebridge.meanfield.separable import separable
from pdebridge.optimisation.quasi_newton import BFGS, LBFGS
from pdebridge.training.construct import DTYPES, where
from pdebridge.training.own import check_cost, is_own
from pdebridge.training.restore import opened, trained


@contextmanager
def precision(cell: GameCell) -> Iterator[None]:
    """Make densities and weights in the precision of the cell."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(DTYPES[cell.training.precision])
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def by_name(name: str, d: int, **options: Any) -> Game:
    """Return a mean field game in ``d`` dimensions by its name.

    Args:
        name: one of ``pdebridge.names("game")``, or ``module:function`` of one's own.
        d: dimension.
        options: those of the game.

    Raises:
        ValueError: an unknown name or option, or a dimension that the game does not have.
    """
    make = named("game", name)
    check_options(options, list(signature(make).parameters)[1:], f"game {name!r}")
    built: Game = make(d, **options)
    return built


def game(cell: GameCell) -> Game:
    """Return the game of a cell, with the weights that its configuration replaces."""
    spec = cell.game
    try:
        with precision(cell):
            built = by_name(spec.name, spec.d, **spec.options)
            parts = [part for part in built.interactions if isinstance(part, Interaction)]
            for part in parts:
                if isinstance(part, ExternalCost) and is_own(part.Q):
                    check_cost(part.Q, spec.d, f"the cost {getattr(part.Q, '__name__', type(part.Q).__name__)}")
            return Game(built.initial, built.target, parts, built.alpha._replace(**spec.alpha), built.crowds)
    except (TypeError, ValueError, ImportError, AttributeError) as error:
        raise UserError(f"{where(cell)}: game: {error}") from error


def build(cell: GameCell, seed: int) -> nn.Module:
    """Return a cell's potential with the initial weights of a seed; the game must exist too.

    Several crowds have a part of it each, of the width and rank that the configuration says.
    """
    found, spec = game(cell), cell.potential
    crowds = found.crowds
    torch.manual_seed(seed)
    try:
        with precision(cell):
            rank = spec.rank and crowds * spec.rank
            potential = Potential(found.d, crowds * spec.width, rank, spec.spread)
            return potential if crowds == 1 else separable(potential, crowds)
    except ValueError as error:
        raise UserError(f"{where(cell)}: potential: {error}") from error


def samples(cell: GameCell, solved: Game, seed: int) -> Samples:
    """Return the draws of a training."""
    spec = cell.training
    levels = [(level.samples, level.iterations) for level in spec.levels]
    try:
        return Samples(solved.initial, levels, spec.every, spec.sampling, seed)
    except ValueError as error:
        raise UserError(f"{where(cell)}: training.levels: {error}") from error


def optimiser(training: GameTraining, net: nn.Module) -> Optimizer:
    """Return the optimiser."""
    spec = training.optimizer
    if spec.name == "adam":
        return Adam(net.parameters(), lr=spec.lr)
    if spec.name == "lbfgs":
        return LBFGS(net.parameters(), history=spec.history)
    return BFGS(net.parameters())


@dataclass(frozen=True)
class Solved:
    """A finished training: its configuration, seed, game and potential."""

    cell: GameCell
    seed: int
    game: Game
    potential: Potential


def restore(folder: Path) -> Solved:
    """Rebuild the game and the potential of a run directory and load its weights."""
    cell, seed = opened(folder, GameCell)
    net = build(cell, seed)
    assert isinstance(net, Potential)
    return Solved(cell, seed, game(cell), trained(net, folder))
