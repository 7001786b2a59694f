"""Binomial checkpointing: the fewest repeated steps for a number of stored states.

Griewank, Optim. Methods Softw. 1 (1992); Griewank & Walther, ACM TOMS 26 (2000), algorithm 799.
"""

from functools import cache
from math import comb


@cache
def repetitions(steps: int, slots: int) -> int:
    """Return the least ``r`` with ``C(c + r, c) >= N``: no step is advanced over more than ``r`` times."""
    r = 0
    while comb(slots + r, slots) < steps:
        r += 1
    return r


def advances(steps: int, slots: int) -> int:
    """Return ``r N - C(c + r, c + 1)``: the least number of steps taken to reverse ``N`` of them with ``c`` states.

    The first sweep is included, the evaluations that linearise each step once are not; the first state is one of
    the ``c``.
    """
    r = repetitions(steps, slots)
    return r * steps - comb(slots + r, slots + 1)


def split(steps: int, slots: int) -> int:
    """Return after how many of ``N`` steps the next state is stored, where ``c`` slots hold the first and what follows.

    With ``c = 1`` there is no next state, and the answer is ``N - 1``: the step to be reversed.
    """
    if slots == 1:
        return steps - 1
    r = repetitions(steps, slots)
    return min(comb(slots + r - 1, slots), steps - comb(slots + r - 2, slots - 1))
