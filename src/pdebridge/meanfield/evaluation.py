"""What a trained potential costs on many quasi-random points, and whether its time integrator was exploited."""

from typing import NamedTuple

import torch
from torch import Tensor

from pdebridge.meanfield.games import Game
from pdebridge.meanfield.objective import Terms, objective
from pdebridge.meanfield.potential import ValueFunction

POINTS = 2**14
"""Validation points: the third digit of the divergence is noise with the published 1024 to 4096."""


@torch.no_grad()
def validate(
    game: Game, potential: ValueFunction, steps: int, points: int = POINTS, seed: int = 12345, chunk: int = 2048
) -> Terms:
    """Return the weighted terms on quasi-random points of ``rho_0``, `chunk` of them at a time."""
    return average(game, potential, game.initial.sobol(points, seed), steps, chunk)


@torch.no_grad()
def average(game: Game, potential: ValueFunction, x: Tensor, steps: int, chunk: int = 2048) -> Terms:
    """Return the weighted terms over the samples ``x``, `chunk` of them at a time."""
    parts = [torch.stack(objective(game, potential, part, steps)) * (len(part) / len(x)) for part in x.split(chunk)]
    return Terms(*torch.stack(parts).sum(0).unbind())


class Refinement(NamedTuple):
    """The terms with the time steps of the training and with four times as many, on the same points."""

    coarse: Terms
    fine: Terms
    tolerance: float

    @property
    def change(self) -> float:
        """Return the relative change of ``L + F + G``."""
        return float((self.fine.cost - self.coarse.cost).abs() / self.fine.cost.abs().clamp_min(1e-12))

    @property
    def exploited(self) -> str:
        """Return why the coarse cost cannot be believed; empty if it can.

        Training can lower the objective by driving up the error of the time integrator until the divergence, which
        is never negative, becomes so.
        """
        if min(float(self.coarse.terminal), float(self.fine.terminal)) < 0:
            return "the Kullback-Leibler divergence is negative"
        if self.change > self.tolerance:
            return f"the cost moves by {self.change:.1%} with four times as many time steps"
        return ""


def refine(
    game: Game, potential: ValueFunction, steps: int, points: int = POINTS, tolerance: float = 0.01, factor: int = 4
) -> Refinement:
    """Evaluate at `steps` and at `factor` times as many (see `validate`)."""
    coarse, fine = (validate(game, potential, n, points) for n in (steps, factor * steps))
    return Refinement(coarse, fine, tolerance)
