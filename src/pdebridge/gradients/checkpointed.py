"""Checkpointing: some states are stored, the steps between them are computed again."""

import math

from pdebridge.gradients.binomial import split
from pdebridge.gradients.mode import Block, Mode
from pdebridge.gradients.sums import WeightSums
from pdebridge.gradients.taped import rewind, tape
from pdebridge.integrators.base import State

Held = dict[int, State]


class Checkpointed(Mode):
    """Store the state before every ``m``-th step; linearise a segment of ``m`` steps again when it is due.

    Memory of ``N/m`` states and ``m`` linearisations; work ``4 N`` evaluations against ``3 N`` of the stored
    gradient. ``m = 1`` stores a state a step, ``m = ceil(sqrt(N))`` has the least memory (Chen et al., 2016),
    ``m = N`` stores the input of the block alone, as in ANODE (Gholami et al., IJCAI 2019). Fits every integrator.

    Args:
        every: ``m``, or ``block`` for ``N``; default ``ceil(sqrt(N))``.

    Raises:
        ValueError: ``every`` is less than one.
    """

    holds_end = False

    def __init__(self, every: int | str | None = None) -> None:
        if every is not None and every != "block" and not (isinstance(every, int) and every >= 1):
            raise ValueError(f"a state is stored every 1, 2, ... steps or every 'block', not every {every}")
        self.every = every

    def segment(self, steps: int) -> int:
        """Return ``m`` for ``N`` steps."""
        if isinstance(self.every, int):
            return self.every
        return steps if self.every == "block" else math.ceil(math.sqrt(steps))

    def onwards(self, block: Block, state: State, sums: WeightSums) -> tuple[State, Held]:
        """Return the last state and those at the starts of the segments."""
        m, held = self.segment(block.steps), {}
        for first in range(0, block.steps, m):
            held[first] = state
            state = block.advance(state, first, min(first + m, block.steps))
        return state, held

    def backwards(self, block: Block, memory: Held, sums: WeightSums, g: State) -> State:
        """Tape and rewind the segments, the last one first."""
        m = self.segment(block.steps)
        for first in reversed(memory):
            _, adjoints = tape(block, memory[first], first, min(first + m, block.steps), sums)
            g = rewind(adjoints, g)
        return g


class Revolve(Mode):
    """Keep ``c`` states at a time, placed so that the fewest steps are repeated (Griewank & Walther, 2000).

    Memory of ``c`` states, the one before the last step, and one linearisation; work ``r N - C(c + r, c + 1)``
    steps besides the ``3 N`` of the stored gradient, with the least ``r`` for which ``C(c + r, c) >= N``. Fits every
    integrator.

    Args:
        slots: ``c``, the first state included.

    Raises:
        ValueError: there is no slot.
    """

    holds_end = False

    def __init__(self, slots: int) -> None:
        if slots < 1:
            raise ValueError(f"the first state of a block has to be kept: slots >= 1, not {slots}")
        self.slots = slots

    def onwards(self, block: Block, state: State, sums: WeightSums) -> tuple[State, Held]:
        """Return the last state and those that are held."""
        held, last = {0: state}, block.steps - 1
        held[last] = self.reach(block, held, last)
        return block.advance(held[last], last, block.steps), held

    def backwards(self, block: Block, memory: Held, sums: WeightSums, g: State) -> State:
        """Reach, linearise and forget the steps, the last one first; the first state stays for another pass."""
        for k in reversed(range(block.steps)):
            g = block.linearise(self.reach(block, memory, k), k, sums)[1](g)
            if k:
                memory.pop(k, None)
        return g

    def reach(self, block: Block, held: Held, k: int) -> State:
        """Return the state at step ``k`` from the last one that is held, holding others on the way in free slots."""
        first = max(held)
        state = held[first]
        while first < k:
            free = self.slots - len(held) + 1
            between = first + split(k + 1 - first, free)
            state = block.advance(state, first, between)
            if free > 1:
                held[between] = state
            first = between
        return state
