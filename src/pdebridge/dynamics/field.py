"""A dynamics bound to the weights of one step: the function that an integrator evaluates."""

import math
from collections.abc import Callable
from functools import lru_cache, partial

import torch
from torch import Tensor

from pdebridge.dynamics.base import Dynamics, Instant, Sums, Theta

Tensors = tuple[Tensor, ...]
Adjoint = Callable[[Tensor, Tensor, float], Tensor]
Map = Callable[[Tensor], Tensor]


class Field:
    """``F(t_k + c h, u; theta(t_k + c h))`` for one step ``k``.

    Between the abscissae the weights are interpolated by the polynomial through their samples.

    Args:
        dynamics: the right-hand side.
        theta: the weights of this step, each ``(S, ...)`` (``Control.sample``).
        abscissae: the fractions ``c`` to which the ``S`` samples belong; ignored if ``S`` is 1.
        k: index of the step.
        h: step size.
    """

    __slots__ = ("abscissae", "constant", "dynamics", "h", "k", "theta")

    def __init__(self, dynamics: Dynamics, theta: Theta, abscissae: tuple[float, ...], k: int, h: float) -> None:
        self.dynamics, self.theta, self.abscissae, self.k, self.h = dynamics, theta, abscissae, k, h
        self.constant: Theta | None = None  # the weights, if they are the same all over the step
        if not theta or theta[0].shape[0] == 1:
            self.constant = tuple(w.squeeze(0) for w in theta)

    def __call__(self, u: Tensor, c: float = 0.0, part: int = 0) -> Tensor:
        """Evaluate the right-hand side at the fraction ``c`` of the step."""
        return self.dynamics(u, self.weights(c), Instant(self.k, c, self.h), part)

    def functions(self, u: Tensor, *functions: Map) -> list[Map]:
        """Return the maps ``v -> f(h L) v`` for the linear part ``L`` of an implicit-explicit equation at ``t_k``.

        Args:
            u: the features; their grid, and those that are parameters of ``L``, count.
            functions: each ``f`` as a function of the eigenvalues of ``h L``, a tensor.
        """
        modes = self.h * self.dynamics.symbol(u, self.weights(0.0))
        return [partial(multiply, f(modes)) for f in functions]

    def weights(self, c: float) -> Theta:
        """Return ``theta`` at the fraction ``c``, as views; squeezing has a free derivative, indexing has not."""
        if self.constant is not None:
            return self.constant
        if c in self.abscissae:
            s = self.abscissae.index(c)
            return tuple(w[s] for w in self.theta)
        weights = lagrange(self.abscissae, c)
        return tuple(torch.tensordot(w.new_tensor(weights), w, 1) for w in self.theta)


class AdjointField(Field):
    """A field that also pulls cotangents back, while those of the weights add up in `sums`.

    Every evaluation has a graph of its own that ends at its arguments.

    Args:
        dynamics: the right-hand side.
        theta: the weights of this step.
        abscissae: as in `Field`.
        k: index of the step.
        h: step size.
        sums: per weight the tensor that collects its gradient, ``None`` where it is not wanted.
    """

    __slots__ = ("squeezed", "sums", "tracked")

    def __init__(
        self,
        dynamics: Dynamics,
        theta: Theta,
        abscissae: tuple[float, ...],
        k: int,
        h: float,
        sums: Sums,
    ) -> None:
        super().__init__(dynamics, theta, abscissae, k, h)
        self.sums = sums
        self.squeezed: Sums | None = None  # the rows of `sums`, if the weights are the same all over the step
        self.tracked: Field | None = None  # the field of weights that are leaves of a graph, for `pull`

    def __call__(self, u: Tensor, c: float = 0.0, part: int = 0) -> Tensor:
        """Evaluate the right-hand side at the fraction ``c`` of the step, with weights that `pull` reaches."""
        return self.track()(u, c, part)

    def functions(self, u: Tensor, *functions: Map) -> list[Map]:
        """Return the maps ``v -> f(h L) v``, with weights that `pull` reaches."""
        return self.track().functions(u, *functions)

    def track(self) -> Field:
        """Return the field of weights that `pull` reaches."""
        if self.tracked is None:
            leaves = tuple(w.detach().requires_grad_(g is not None) for w, g in zip(self.theta, self.sums, strict=True))
            with torch.enable_grad():  # the views of the leaves, too, lead back to them
                self.tracked = Field(self.dynamics, leaves, self.abscissae, self.k, self.h)
        return self.tracked

    def linearise(self, u: Tensor, c: float = 0.0, part: int = 0) -> tuple[Tensor, Callable[..., Tensor]]:
        """Return ``F(u)`` and its adjoint, to be used once.

        The adjoint maps ``(g, scale=1)`` to ``(dF/du)^T g`` and adds ``scale (dF/dtheta)^T g`` to `sums`.
        """
        f, transpose = self.dynamics.linearise(u, self.weights(c), Instant(self.k, c, self.h), part)
        if self.constant is not None or c in self.abscissae:
            return f, lambda g, scale=1.0: transpose(g, self.squeezed or self.rows(c), scale)

        def spread(g: Tensor, scale: float = 1.0) -> Tensor:
            rows = tuple(total if total is None else torch.zeros_like(total[0]) for total in self.sums)
            g_u = transpose(g, rows, scale)
            for s, weight in enumerate(lagrange(self.abscissae, c)):
                for total, row in zip(self.sums, rows, strict=True):
                    if total is not None and row is not None:
                        total[s].add_(row, alpha=weight)
            return g_u

        return f, spread

    def collect(self, sums: Sums) -> None:
        """Let adjoints from now on, those made before among them, add to other sums."""
        self.sums, self.squeezed = sums, None

    def rows(self, c: float) -> Sums:
        """Return the part of `sums` to which an evaluation at the abscissa ``c`` adds."""
        if self.constant is None:
            s = self.abscissae.index(c)
            return tuple(total if total is None else total[s] for total in self.sums)
        if self.squeezed is None:
            self.squeezed = tuple(total if total is None else total[0] for total in self.sums)
        return self.squeezed

    def vjp(self, u: Tensor, c: float = 0.0, part: int = 0) -> tuple[Tensor, Adjoint]:
        """Return ``F(u)`` and the adjoint of an update ``a += h F(u)``, to be used once.

        The adjoint maps ``(g_u, g_a, h)`` to ``g_u + h (dF/du)^T g_a`` and adds ``h (dF/dtheta)^T g_a`` to `sums`.
        """
        f, transpose = self.linearise(u, c, part)
        return f, lambda g_u, g_a, h: g_u.add(transpose(g_a, h), alpha=h)

    def pull(self, outputs: Tensors, inputs: Tensors, cotangents: Tensors, scale: float = 1.0) -> tuple[Tensor, ...]:
        """Return the cotangents of ``inputs`` and add ``scale`` times those of the weights to `sums`."""
        theta = self.tracked.theta if self.tracked else self.theta
        wanted = [(w, total) for w, total in zip(theta, self.sums, strict=True) if total is not None]
        leaves = (*inputs, *(w for w, _ in wanted))
        pulled = torch.autograd.grad(outputs, leaves, cotangents, allow_unused=True)
        for (_, total), g in zip(wanted, pulled[len(inputs) :], strict=True):
            if g is not None:
                total.add_(g, alpha=scale)
        return tuple(torch.zeros_like(u) if g is None else g for u, g in zip(inputs, pulled, strict=False))


class Portion(AdjointField):
    """A part of a step as a step of its own: the fraction ``c`` of the part is ``start + c share`` of the whole.

    Args:
        whole: the field of the step.
        start: fraction of the step where the part begins.
        share: length of the part as a fraction of the step.
    """

    __slots__ = ("share", "start", "whole")

    def __init__(self, whole: Field, start: float, share: float) -> None:
        self.whole, self.start, self.share = whole, start, share

    def __call__(self, u: Tensor, c: float = 0.0, part: int = 0) -> Tensor:
        """Evaluate the right-hand side at the fraction ``c`` of the part."""
        return self.whole(u, self.start + c * self.share, part)

    def linearise(self, u: Tensor, c: float = 0.0, part: int = 0) -> tuple[Tensor, Callable[..., Tensor]]:
        """Return ``F(u)`` and its adjoint, if the whole is an `AdjointField`."""
        return self.whole.linearise(u, self.start + c * self.share, part)  # type: ignore[attr-defined]


def multiply(values: Tensor, u: Tensor) -> Tensor:
    """Return ``u``, ``(batch, channels, *pixels)``, with each of its Fourier modes multiplied by ``values``."""
    axes = tuple(range(2, u.ndim))
    return torch.fft.irfftn(values * torch.fft.rfftn(u, dim=axes), s=u.shape[2:], dim=axes)


@lru_cache(maxsize=256)
def lagrange(abscissae: tuple[float, ...], c: float) -> tuple[float, ...]:
    """Return the values at ``c`` of the polynomials that are one at one of the abscissae and zero at the others."""
    return tuple(math.prod((c - other) / (node - other) for other in abscissae if other != node) for node in abscissae)
