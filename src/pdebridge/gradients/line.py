"""Processes in a row, each with some of the steps of a block: what neighbours tell each other."""

from torch import Tensor, distributed

from pdebridge.dynamics.processes import world
from pdebridge.integrators.base import State


class Line:
    """Processes in the order of their steps; the stack of states of each begins with the last one of its predecessor.

    On the way back the order is reversed. One process alone has all steps and nobody to talk to.

    Args:
        shared: whether the processes of the default group share the steps; otherwise each of them is alone.
        backwards: whether rank 0 is the last one.
    """

    def __init__(self, shared: bool, backwards: bool = False) -> None:
        self.rank, self.ranks = world() if shared else (0, 1)
        step = -1 if backwards else 1
        self.before, self.after = (r if 0 <= r < self.ranks else None for r in (self.rank - step, self.rank + step))
        self.last = 0 if backwards else self.ranks - 1

    def own(self, steps: int) -> range:
        """Return which of ``steps`` steps, counted from the beginning of the block, are this process's.

        Raises:
            ValueError: there are more processes than steps.
        """
        if steps < self.ranks:
            raise ValueError(
                f"layer-parallel gives each of {self.ranks} processes a step of the coarsest level, which has {steps}:"
                f" set coarsest to {self.ranks} or more, or take fewer devices"
            )
        return range(self.rank * steps // self.ranks, (self.rank + 1) * steps // self.ranks)

    def exchange(self, u: State) -> None:
        """Give the last state to the successor and take the first one from the predecessor, all at the same time."""
        self._talk([*self._sends(u), *self._receives(u)])

    def receive(self, u: State) -> None:
        """Wait for the predecessor's last state, where there is one."""
        self._talk(self._receives(u))

    def send(self, u: State) -> None:
        """Give the last state to the successor, where there is one."""
        self._talk(self._sends(u))

    def ends(self, u: State) -> State:
        """Return the last state of the block, in all processes."""
        found = tuple(s[-1].contiguous() for s in u)
        for s in found if self.ranks > 1 else ():
            distributed.broadcast(s, self.last)
        return found

    def add(self, a: Tensor) -> Tensor:
        """Replace ``a`` by its sum over all processes, and return it."""
        if self.ranks > 1:
            distributed.all_reduce(a)
        return a

    def largest(self, a: Tensor) -> Tensor:
        """Replace ``a`` by the largest one of all processes, and return it."""
        if self.ranks > 1:
            distributed.all_reduce(a, distributed.ReduceOp.MAX)
        return a

    def _sends(self, u: State) -> list[distributed.P2POp]:
        return [] if self.after is None else [distributed.P2POp(distributed.isend, s[-1], self.after) for s in u]

    def _receives(self, u: State) -> list[distributed.P2POp]:
        return [] if self.before is None else [distributed.P2POp(distributed.irecv, s[0], self.before) for s in u]

    def _talk(self, messages: list[distributed.P2POp]) -> None:
        for pending in distributed.batch_isend_irecv(messages) if messages else ():
            pending.wait()
