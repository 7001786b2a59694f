"""The gradient of the stored steps without autograd's graph of them."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pdebridge.gradients.mode import Block, Mode
from pdebridge.gradients.sums import WeightSums
from pdebridge.integrators.base import State

Tape = list[Callable[[State], State]]


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep Python's collector of reference cycles from walking a growing tape, which has none, over and over.

    It would take more than half of the time of 4,096 small steps.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def tape(block: Block, state: State, first: int, last: int, sums: WeightSums) -> tuple[State, Tape]:
    """Return the state after the steps ``first, ..., last - 1`` and the adjoints of these steps."""
    adjoints: Tape = []
    with uncollected():
        for k in range(first, last):
            state, adjoint = block.linearise(state, k, sums)
            adjoints.append(adjoint)
    return state, adjoints


def rewind(adjoints: Tape, g: State) -> State:
    """Return the cotangent before the taped steps; each adjoint is let go once it is used."""
    while adjoints:
        g = adjoints.pop()(g)
    return g


class Taped(Mode):
    """Keep the linearisation of every step; ``g_k = J_k^T g_{k+1}`` on the way back.

    The numbers and the memory of ``stored``, work ``3 N`` evaluations. Where the dynamics has a closed form of its
    derivative no graph is built at all, which saves the time that small tensors spend in autograd. ``dopri5`` is
    linearised as it solves: ``3`` evaluations a stage of an accepted step, where ``replay`` has ``4`` and little
    memory. One backward pass only.
    """

    holds_end = False

    def onwards(self, block: Block, state: State, sums: WeightSums) -> tuple[State, Tape]:
        """Return the last state and the adjoints of all steps."""
        return tape(block, state, 0, block.steps, sums)

    def backwards(self, block: Block, memory: Tape, sums: WeightSums, g: State) -> State:
        """Apply the adjoints of the steps, the last one first."""
        if not memory:
            raise RuntimeError("the tape of a block is used up by its backward pass; a second one needs checkpointed")
        return rewind(memory, g)
