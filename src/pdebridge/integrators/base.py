"""The contract of a one-step integrator on a tuple of tensors."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from pdebridge.cube import shown
from pdebridge.dynamics.base import Increments, Structure
from pdebridge.dynamics.closed_forms import ClosedForms
from pdebridge.dynamics.field import AdjointField, Field

State = tuple[Tensor, ...]
Bounds = Callable[[float, int], Increments]
Comparison = list[list[float]]
PROVED = ("real_limit", "imaginary_limit", "largest_step", "comparison")


class Integrator(ClosedForms, ABC):
    """A stateless step ``state_k -> state_{k+1}``; states are ``(u,)``, ``(y, z)``, ``(y, v)``, ``(u_k, u_{k-1})``.

    `real_limit` and `imaginary_limit` bound ``h |lambda|`` on the negative real and on the imaginary axis for
    stability; on second-order and partitioned equations ``lambda = i omega``.

    A step makes `stages` evaluations of ``F``.

    An adaptive integrator cuts each step into as many as its tolerance asks for. A `one_step` method takes the state of
    one instant to the next with a given ``h``, so that steps can be taken side by side, or with a larger ``h``.

    A reversible integrator evaluates each ``(c, part)`` of a step once, at arguments that `inverse` meets again.

    A class that changes `step` alone has the general `pullback` and `linearise`, is not reversible, and has no bounds.
    """

    derived = ("inverse", "pullback", "linearise", "reversible", *PROVED)
    unrelated = frozenset(
        {"structure", "order", "adaptive", "one_step", "stages", "abscissae", "start", "finish", "entry"}
        | {"a", "b", "c", "A", "gamma", "rest"}
    )

    structure: ClassVar[Structure]
    order: ClassVar[int]
    reversible: ClassVar[bool] = False
    adaptive: ClassVar[bool] = False
    one_step: ClassVar[bool] = True
    stages: ClassVar[int] = 1
    abscissae: ClassVar[tuple[float, ...]] = (0.0,)
    real_limit: ClassVar[float] = 0.0
    imaginary_limit: ClassVar[float] = 0.0

    def __repr__(self) -> str:
        """Return the call that makes it."""
        return shown(self)

    def start(self, u: Tensor) -> State:
        """Make the first state from the features ``u``."""
        return (u,)

    @abstractmethod
    def step(self, F: Field, state: State, h: float) -> State:
        """Advance by ``h``."""

    def inverse(self, F: Field, state: State, h: float) -> State:
        """Undo `step`; only for reversible integrators."""
        raise NotImplementedError(f"{type(self).__name__} has no algebraic inverse")

    def pullback(self, F: AdjointField, state: State, cotangent: State, h: float) -> tuple[State, State]:
        """Undo the step and pull the cotangent of its result back: ``state_{k+1}, g -> state_k, J_k^T g``.

        This general form evaluates ``F`` once to undo and once more to differentiate. An integrator made of
        additive updates ``a += h F(b)`` overrides it: the evaluation that undoes an update also serves its
        derivative.
        """
        before = tuple(s.detach().requires_grad_() for s in self.inverse(F, state, h))
        with torch.enable_grad():
            after = self.step(F, before, h)
        return tuple(s.detach() for s in before), F.pull(after, before, cotangent)

    def linearise(self, F: AdjointField, state: State, h: float) -> tuple[State, Callable[[State], State]]:
        """Advance by ``h`` and return the adjoint of the step, ``g -> J_k^T g``, to be used once.

        The adjoint adds the cotangents of the weights to those of ``F``. This general form records a graph of the
        step.
        """
        before = tuple(s.detach().requires_grad_() for s in state)
        with torch.enable_grad():
            after = self.step(F, before, h)
        return tuple(s.detach() for s in after), lambda cotangent: F.pull(after, before, cotangent)

    def largest_step(self, eigenvalue: complex) -> float:
        """Return the largest stable ``h`` for frozen eigenvalues bounded by ``eigenvalue`` (``Dynamics.spectrum``).

        This general form knows the axes only, and no step that is stable off them.
        """
        limit = (not eigenvalue.imag) * self.real_limit or (not eigenvalue.real) * self.imaginary_limit
        return limit / abs(eigenvalue) if eigenvalue else math.inf

    @property
    def entry(self) -> Comparison:
        """Return by how much each part of the first state differs, at most, for each part of the features that does.

        One column: the features are one part, and the first part of a state is the result (`finish`).
        """
        return [[1.0]]

    def comparison(self, bounds: Bounds, k: int, h: float) -> Comparison | None:
        """Return the matrix ``M_k >= 0`` of step ``k``, or ``None`` if nothing bounds the step.

        For any two states, part by part, ``|difference after| <= M_k |difference before|``.

        Args:
            bounds: ``(c, part)`` to what bounds the differences of ``F`` there (``Dynamics.increments``).
            k: index of the step.
            h: its size.
        """
        return None

    def finish(self, state: State) -> Tensor:
        """Return the features of a state; ``finish(start(u)) == u``."""
        return state[0]
