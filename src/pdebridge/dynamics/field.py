"""A dynamics bound to the weights of one step: the function that an integrator evaluates."""

from collections.abc import Callable

import torch
from torch import Tensor

from pdebridge.dynamics.base import Dynamics, Instant, Theta

Tensors = tuple[Tensor, ...]
Adjoint = Callable[[Tensor, Tensor, float], Tensor]


class Field:
    """``F(t_k + c h, u; theta(t_k + c h))`` for one step ``k``.

    Args:
        dynamics: the right-hand side.
        theta: the weights of this step, each ``(S, ...)`` (``Control.sample``).
        abscissae: the fractions ``c`` to which the ``S`` samples belong; ignored if ``S`` is 1.
        k: index of the step.
        h: step size.
    """

    __slots__ = ("abscissae", "dynamics", "h", "k", "theta")

    def __init__(self, dynamics: Dynamics, theta: Theta, abscissae: tuple[float, ...], k: int, h: float) -> None:
        self.dynamics, self.theta, self.abscissae, self.k, self.h = dynamics, theta, abscissae, k, h

    def __call__(self, u: Tensor, c: float = 0.0, part: int = 0) -> Tensor:
        """Evaluate the right-hand side at the fraction ``c`` of the step."""
        return self.dynamics(u, self.weights(c), Instant(self.k, c, self.h), part)

    def weights(self, c: float) -> Theta:
        """Return ``theta`` at the fraction ``c``, as views; squeezing has a free derivative, indexing has not."""
        if not self.theta or len(self.theta[0]) == 1:
            return tuple(w.squeeze(0) for w in self.theta)
        s = self.abscissae.index(c)
        return tuple(w[s] for w in self.theta)


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

    __slots__ = ("sums",)

    def __init__(
        self,
        dynamics: Dynamics,
        theta: Theta,
        abscissae: tuple[float, ...],
        k: int,
        h: float,
        sums: tuple[Tensor | None, ...],
    ) -> None:
        leaves = tuple(w.detach().requires_grad_(g is not None) for w, g in zip(theta, sums, strict=True))
        super().__init__(dynamics, leaves, abscissae, k, h)
        self.sums = sums

    def vjp(self, u: Tensor, c: float = 0.0, part: int = 0) -> tuple[Tensor, Adjoint]:
        """Return ``F(u)`` and the adjoint of an update ``a += h F(u)``, to be used once.

        The adjoint maps ``(g_u, g_a, h)`` to ``g_u + h (dF/du)^T g_a`` and adds ``h (dF/dtheta)^T g_a`` to `sums`.
        """
        leaf = u.detach().requires_grad_()
        with torch.enable_grad():
            f = self(leaf, c, part)

        def adjoint(g_u: Tensor, g_a: Tensor, h: float) -> Tensor:
            (g,) = self.pull((f,), (leaf,), (g_a.to(f.dtype),), h)
            return g_u.add(g, alpha=h)

        return f.detach(), adjoint

    def pull(self, outputs: Tensors, inputs: Tensors, cotangents: Tensors, scale: float = 1.0) -> tuple[Tensor, ...]:
        """Return the cotangents of ``inputs`` and add ``scale`` times those of the weights to `sums`."""
        wanted = [(w, total) for w, total in zip(self.theta, self.sums, strict=True) if total is not None]
        leaves = (*inputs, *(w for w, _ in wanted))
        pulled = torch.autograd.grad(outputs, leaves, cotangents, allow_unused=True)
        for (_, total), g in zip(wanted, pulled[len(inputs) :], strict=True):
            if g is not None:
                total.add_(g, alpha=scale)
        return tuple(torch.zeros_like(u) if g is None else g for u, g in zip(inputs, pulled, strict=False))
