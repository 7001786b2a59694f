"""What every right-hand side declares: its structure, its weights at one instant, and ``F`` itself."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor, nn

from pdebridge.dynamics.closed_forms import ClosedForms

Structure = Literal["explicit", "partitioned", "augmented", "second-order", "second-order-pair", "implicit-explicit"]
Theta = Sequence[Tensor]
Sums = Sequence[Tensor | None]
Transpose = Callable[[Tensor, Sums, float], Tensor]


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


class Increments(NamedTuple):
    """What bounds ``g = F(u) - F(v)`` by ``d = u - v`` for all states ``u`` and ``v``, in the Euclidean norm.

    ``|g| <= lipschitz |d|`` and ``<d, g> <= one_sided |d|^2``, the logarithmic norm. Where `cocoercive`, as for ``F``
    minus the gradient of a convex function, moreover ``<d, g> <= -|g|^2 / lipschitz`` (Baillon & Haddad 1977).
    """

    lipschitz: float
    one_sided: float
    cocoercive: bool = False


class Dynamics(ClosedForms, nn.Module, ABC):
    """A right-hand side ``F(t, u; theta)`` with weights ``theta(t)`` that the caller supplies.

    The weights of all steps live in a control (``pdebridge.dynamics.control``), not here: the dynamics is a
    formula. `structure` says which differential equation ``F`` belongs to:

    - ``explicit``: ``u' = F(t, u)``;
    - ``partitioned``: ``y' = F(t, z, part=0)``, ``z' = -F(t, y, part=1)``;
    - ``augmented``: partitioned, with ``y`` the features and ``z(0) = 0`` added to them;
    - ``second-order``: ``y'' = F(t, y)``, ``y'(0) = 0``;
    - ``second-order-pair``: the same, with ``(y, y')`` as the features;
    - ``implicit-explicit``: ``u' = F(t, u) + L u`` with a linear ``L`` that is diagonal in Fourier modes (`symbol`).

    A `stochastic` right-hand side draws random numbers (dropout); recomputations then repeat them.
    """

    derived = ("closed_form", "spectrum", "increments")
    unrelated = frozenset({"initial", "structure", "stochastic", "closed", "side_by_side"})
    structure: Structure
    stochastic: ClassVar[bool] = False

    @property
    def closed(self) -> bool:
        """Tell whether `closed_form` has an answer; ``F`` is then a function of its arguments and nothing else."""
        return type(self).closed_form is not Dynamics.closed_form

    @property
    def side_by_side(self) -> bool:
        """Tell whether one evaluation takes the steps of many layers, stacked in one more axis in front.

        Then ``F`` and `linearise` take features ``(n, batch, ...)`` with weights ``(n, ...)``. Otherwise
        ``torch.func.vmap`` adds that axis where it is needed.
        """
        return False

    @abstractmethod
    def initial(self) -> dict[str, Tensor]:
        """Draw ``theta`` at one instant from torch's global generator: name to tensor, in the order of `Theta`."""

    @abstractmethod
    def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
        """Return ``F(t, u; theta)``, of the shape, dtype and device of ``u`` (batch first)."""

    def symbol(self, u: Tensor, theta: Theta) -> Tensor:
        """Return the eigenvalues of ``L`` on the grid of ``u``, real or complex, one a mode of ``torch.fft.rfftn``.

        The shape is that of the transform of ``u`` or broadcasts with it. Channels of ``u`` may be parameters of ``L``.
        """
        raise NotImplementedError(f"{type(self).__name__} has no linear part")

    def spectrum(self, theta: Theta, pixels: tuple[int, ...] = ()) -> complex | tuple[complex, ...] | None:
        """Return what bounds the eigenvalues of the Jacobian for every state, or ``None`` if nothing does.

        ``-rate`` for eigenvalues on the negative real axis, ``i omega`` for the imaginary axis (frequencies of a
        second-order or partitioned equation), or ``-rate + i omega`` for the triangle of 0, it and its conjugate;
        several such numbers for the union. Of an implicit-explicit equation, the fastest growth of its linear part.

        Args:
            theta: weights at one instant.
            pixels: size of the grid of a convolution.
        """
        return None

    def increments(self, theta: Theta, pixels: tuple[int, ...] = (), part: int = 0) -> Increments | None:
        """Return what bounds differences of ``F`` for every two states, or ``None`` if nothing does.

        Args:
            theta: weights at one instant.
            pixels: size of the grid of a convolution; without it the bound holds on every grid.
            part: that of `forward`; 1 for the linear part of an implicit-explicit equation.
        """
        return None

    def linearise(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> tuple[Tensor, Transpose]:
        """Return ``F(t, u; theta)`` and the adjoint of its derivative, to be used once.

        The adjoint maps ``(g, sums, scale)`` to ``(dF/du)^T g`` and adds ``scale (dF/dtheta)^T g`` to `sums`, which
        holds a tensor a weight, or ``None`` where none is wanted. It is the `closed_form`, or a graph of the one
        evaluation where there is none, under autocast and for complex numbers.
        """
        found = None
        real = not (u.is_complex() or any(w.is_complex() for w in theta))
        if self.closed and real and not torch.is_autocast_enabled(u.device.type):
            found = self.closed_form(u, theta, at, part)
        return found or self.recorded(u, theta, at, part)

    def closed_form(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> tuple[Tensor, Transpose] | None:
        """Return what `linearise` does without a graph, or ``None`` where no closed form is known.

        It belongs to the methods that give the value: a class that changes one of them and not this one has none.
        """
        return None

    def recorded(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> tuple[Tensor, Transpose]:
        """Return what `linearise` does by autograd, from a graph of the one evaluation."""
        u, *theta = (w.detach().requires_grad_() for w in (u, *theta))
        with torch.enable_grad():
            f = self(u, theta, at, part)

        def transpose(g: Tensor, sums: Sums, scale: float) -> Tensor:
            wanted = [(w, total) for w, total in zip(theta, sums, strict=True) if total is not None]
            leaves = (u, *(w for w, _ in wanted))
            g_u, *pulled = torch.autograd.grad(f, leaves, g.to(f.dtype), allow_unused=True)
            for (_, total), p in zip(wanted, pulled, strict=True):
                if p is not None:
                    total.add_(p, alpha=scale)
            return torch.zeros_like(u) if g_u is None else g_u

        return f.detach(), transpose
