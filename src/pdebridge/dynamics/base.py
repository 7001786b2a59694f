"""What every right-hand side declares: its structure, its weights at one instant, and ``F`` itself."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple

from torch import Tensor, nn

Structure = Literal["explicit", "partitioned", "augmented", "second-order", "second-order-pair", "implicit-explicit"]
Theta = Sequence[Tensor]


def half(width: int) -> int:
    """Return half of an even width; raise ``ValueError`` if it is odd."""
    if width % 2:
        raise ValueError(f"features are split into two halves, so their number must be even, not {width}")
    return width // 2


class Instant(NamedTuple):
    """The time ``t = (k + c) h`` of an evaluation: step ``k``, fraction ``c`` of the step, step size ``h``."""

    k: int
    c: float
    h: float

    @property
    def t(self) -> float:
        """Return the time in the units of ``h``."""
        return (self.k + self.c) * self.h


class Dynamics(nn.Module, ABC):
    """A right-hand side ``F(t, u; theta)`` with weights ``theta(t)`` that the caller supplies.

    The weights of all steps live in a control (``pdebridge.dynamics.control``), not here: the dynamics is a
    formula. `structure` says which differential equation ``F`` belongs to:

    - ``explicit``: ``u' = F(t, u)``;
    - ``partitioned``: ``y' = F(t, z, part=0)``, ``z' = -F(t, y, part=1)``;
    - ``augmented``: partitioned, with ``y`` the features and ``z(0) = 0`` added to them;
    - ``second-order``: ``y'' = F(t, y)``, ``y'(0) = 0``;
    - ``second-order-pair``: the same, with ``(y, y')`` as the features;
    - ``implicit-explicit``: ``u' = F(t, u, part=0) - A u`` with the resolvent ``(I + h A)^{-1} u = F(t, u, part=1)``.

    A `stochastic` right-hand side draws random numbers (dropout); recomputations then repeat them.
    """

    structure: Structure
    stochastic: ClassVar[bool] = False

    @abstractmethod
    def initial(self) -> dict[str, Tensor]:
        """Draw ``theta`` at one instant from torch's global generator: name to tensor, in the order of `Theta`."""

    @abstractmethod
    def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
        """Return ``F(t, u; theta)``, of the shape, dtype and device of ``u`` (batch first)."""
