"""Several crowds that a configuration spells out, each with its own start and target, sharing the congestion."""

from collections.abc import Sequence
from typing import Any

from pdebridge.meanfield.crowds import together
from pdebridge.meanfield.games import Game
from pdebridge.training.own_game import Spec, own_game, part

FOR_ALL = ("obstacle", "obstacles", "picture", "attraction", "entropy")


def own_crowds(
    d: int,
    crowds: Sequence[Spec],
    congestion: Spec | None = None,
    obstacle: str | None = None,
    obstacles: Sequence[Spec] = (),
    picture: Spec | None = None,
    attraction: Spec | None = None,
    entropy: float = 0.0,
) -> Game:
    """Return the game of several crowds in the product of their spaces, ``x = (x_1, ..., x_P)``.

    Args:
        d: dimension of the space in which they move.
        crowds: ``initial`` and ``target`` of each; any of the keys below is that crowd's own, in place of the common.
        congestion: ``weight`` and ``width`` of the `NonlocalCongestion` of all of them together; none if empty.
        obstacle: the other keys are what every crowd pays for, as in `own_game`.
        obstacles: likewise.
        picture: likewise.
        attraction: likewise.
        entropy: likewise; the same for all.

    Raises:
        ValueError: no crowd, or what `own_game` and `together` refuse; the message names the crowd.
    """
    if not crowds:
        raise ValueError("crowds: there must be at least one, with `initial` and `target`")
    values = (obstacle, obstacles, picture, attraction, entropy)
    common = dict(zip(FOR_ALL, values, strict=True))

    def alone(initial: Spec, target: Spec, **own: Any) -> Game:
        return own_game(d, initial, target, **(common | own))

    games = [part(alone, spec, f"crowds[{k}]", *FOR_ALL) for k, spec in enumerate(crowds)]
    return part(
        lambda weight, width: together(games, weight, width), congestion or {"weight": 0.0, "width": 1.0}, "congestion"
    )
