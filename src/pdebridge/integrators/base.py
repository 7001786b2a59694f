"""The contract of a one-step integrator on a tuple of tensors."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from pdebridge.dynamics.base import Structure
from pdebridge.dynamics.field import Field

State = tuple[Tensor, ...]


class Integrator(ABC):
    """A stateless step ``state_k -> state_{k+1}``; states are ``(u,)``, ``(y, z)``, ``(y, v)``, ``(u_k, u_{k-1})``."""

    structure: ClassVar[Structure]
    order: ClassVar[int]
    reversible: ClassVar[bool] = False
    abscissae: ClassVar[tuple[float, ...]] = (0.0,)

    def start(self, u: Tensor) -> State:
        """Make the first state from the features ``u``."""
        return (u,)

    @abstractmethod
    def step(self, F: Field, state: State, h: float) -> State:
        """Advance by ``h``."""

    def inverse(self, F: Field, state: State, h: float) -> State:
        """Undo `step`; only for reversible integrators."""
        raise NotImplementedError(f"{type(self).__name__} has no algebraic inverse")

    def finish(self, state: State) -> Tensor:
        """Return the features of a state."""
        return state[0]
