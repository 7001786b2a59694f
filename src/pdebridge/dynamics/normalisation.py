"""Normalisations ``N(a; s, b)`` inside a layer, with their affine weights supplied by the caller."""

import math
from abc import ABC, abstractmethod
from contextvars import ContextVar

import torch
from torch import Tensor, nn

from pdebridge.dynamics.base import Dynamics, Instant, Sums, Theta, Transpose
from pdebridge.dynamics.closed_forms import ClosedForms
from pdebridge.dynamics.group_norm import at_least_single, group_norm, linearised
from pdebridge.dynamics.processes import batch_norm

_RECOMPUTING: ContextVar[bool] = ContextVar("recomputing", default=False)


class Recomputing:
    """A context that marks evaluations as repeated, so that running statistics are updated once a pass."""

    def __enter__(self) -> None:
        self.outer = _RECOMPUTING.get()
        _RECOMPUTING.set(True)

    def __exit__(self, *error: object) -> None:
        _RECOMPUTING.set(self.outer)


def is_recomputing() -> bool:
    """Tell whether evaluations repeat earlier ones."""
    return _RECOMPUTING.get()


def column(a: Tensor) -> tuple[int, ...]:
    """Return the shape in which a weight a channel multiplies ``a``."""
    return (-1,) + (1,) * (a.ndim - 2)


def add_per_channel(total: Tensor | None, g: Tensor, scale: float) -> None:
    """Add ``scale`` times the sums of ``g`` over all axes but the channels' to the cotangent of a weight a channel."""
    if total is not None:
        total.add_(g.sum([axis for axis in range(g.ndim) if axis != 1]), alpha=scale)


def sum_over_channels(a: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return ``sum_c w_c a_c`` at every pixel, ``(batch, 1, ...)``, in the precision of ``a`` under autocast as well.

    Weights are 1 by default; if there are any, ``a`` may be overwritten. Where channels are last in memory this is a
    product with a vector, which on processors takes a seventh of the time of torch's sum.
    """
    last = a.movedim(1, -1)
    if not last.is_contiguous():
        return (a if weight is None else a.mul_(weight.view(column(a)))).sum(dim=1, keepdim=True)
    with torch.autocast(a.device.type, enabled=False):
        return (last @ (a.new_ones(a.shape[1]) if weight is None else weight)).unsqueeze(1)


class Normalisation(ClosedForms, nn.Module, ABC):
    """A normalisation of ``(batch, width, ...)`` with a number of affine `weights` a channel.

    Args:
        width: channels.
    """

    derived = ("linearise", "lipschitz", "monotone", "symmetric", "diagonal")
    unrelated = frozenset({"initial", "weights", "closed"})
    weights = 2
    diagonal = False  # the derivative is diagonal and non-negative

    @property
    def closed(self) -> bool:
        """Tell whether `linearise` is known in closed form."""
        return type(self).linearise is not Normalisation.linearise

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def initial(self) -> dict[str, Tensor]:
        """Return scale ``s = 1`` and shift ``b = 0``."""
        return {"s": torch.ones(self.width), "b": torch.zeros(self.width)}

    def lipschitz(self, affine: Theta) -> float | None:
        """Return what bounds the norm of the derivative for every ``a``, or ``None`` where a batch couples."""
        return None

    def monotone(self, affine: Theta) -> bool:
        """Tell whether the derivative is ``S P`` with a diagonal ``S >= 0`` and ``P >= 0`` for every ``a``."""
        return False

    def symmetric(self, affine: Theta) -> bool:
        """Tell whether moreover the derivative is symmetric: all scales are one number."""
        return False

    def linearise(self, a: Tensor, affine: Theta) -> tuple[Tensor, Transpose]:
        """Return the value and its adjoint as `Dynamics.linearise` does; both may overwrite what they are given.

        Only where `closed`, that is in closed form.
        """
        raise NotImplementedError(f"the derivative of {type(self).__name__} is left to autograd")

    @abstractmethod
    def forward(self, a: Tensor, affine: Theta, at: Instant) -> Tensor:
        """Return the normalised ``a``, scaled by ``s`` and shifted by ``b``; ``affine`` is ``(s, b)``."""


class Shift(Normalisation):
    """No normalisation: ``a + b``, the bias of an ordinary layer."""

    weights = 1
    diagonal = True

    def initial(self) -> dict[str, Tensor]:
        """Return the shift ``b = 0`` alone."""
        return {"b": torch.zeros(self.width)}

    def lipschitz(self, affine: Theta) -> float:
        """Return 1."""
        return 1.0

    def monotone(self, affine: Theta) -> bool:
        """Return true: the derivative is 1."""
        return True

    def forward(self, a: Tensor, affine: Theta, at: Instant) -> Tensor:
        """Return ``a + b``."""
        (b,) = affine
        return a + b.view(column(a))

    def linearise(self, a: Tensor, affine: Theta) -> tuple[Tensor, Transpose]:
        """Return ``a + b`` and ``g -> g``."""

        def transpose(g: Tensor, sums: Sums, scale: float) -> Tensor:
            add_per_channel(sums[0], g, scale)
            return g

        return a.add_(affine[0].view(column(a))), transpose


class Scaled(Normalisation):
    """``s P(a) + b`` where the derivative of ``P`` is symmetric with eigenvalues in ``[0, 1 / sqrt(eps)]``."""

    eps: float

    def lipschitz(self, affine: Theta) -> float:
        """Return ``max |s| / sqrt(eps)``."""
        return float(affine[0].abs().max()) / math.sqrt(self.eps)

    def monotone(self, affine: Theta) -> bool:
        """Tell whether no scale is negative."""
        return bool((affine[0] >= 0).all())

    def symmetric(self, affine: Theta) -> bool:
        """Tell whether all scales are one number that is not negative."""
        return self.monotone(affine) and bool((affine[0] == affine[0][0]).all())


class TVNorm(Scaled):
    """``s a / sqrt(sum_c a_c^2 + eps) + b`` at every pixel (Ruthotto & Haber, JMIV 2020, eq. 9).

    No coupling across the batch, so it is recomputed exactly. With ``K`` a gradient, ``-K^T N(K u)`` is the flow
    of the smoothed total variation ``sum sqrt(|grad u|^2 + eps)``. What autocast hands over in half precision is
    normalised in the precision of ``s`` and ``b``: operations on one dtype are faster.

    Args:
        width: channels.
        eps: 1e-3 in the paper, 1e-4 in its code.
    """

    lipschitz, monotone, symmetric = Scaled.lipschitz, Scaled.monotone, Scaled.symmetric

    def __init__(self, width: int, eps: float = 1e-3) -> None:
        super().__init__(width)
        self.eps = eps

    def forward(self, a: Tensor, affine: Theta, at: Instant) -> Tensor:
        """Return the normalised ``a``; ``at`` is not used."""
        s, b = (w.view(column(a)) for w in affine)
        a = a.to(s.dtype)
        squares = sum_over_channels(at_least_single(a).square())  # many times faster than vector_norm
        return torch.addcmul(b, a * torch.rsqrt(squares + self.eps).to(a.dtype), s)

    def linearise(self, a: Tensor, affine: Theta) -> tuple[Tensor, Transpose]:
        """Return the value and ``g -> q (s g - n sum_c n s g)``; ``n = q a``, ``q = (sum_c a_c^2 + eps)^(-1/2)``."""
        s, b = (w.view(column(a)) for w in affine)
        q = sum_over_channels(at_least_single(a).square()).add_(self.eps).rsqrt_().to(a.dtype)
        n = a.mul_(q)

        def transpose(g: Tensor, sums: Sums, scale: float) -> Tensor:
            add_per_channel(sums[1], g, scale)
            along = g * n
            add_per_channel(sums[0], along, scale)
            inner = sum_over_channels(along, affine[0])
            return g.mul_(s).addcmul_(n, inner, value=-1).mul_(q)

        # the first operand alone would decide on the layout, and a weight has none
        return torch.addcmul(b, n, s, out=torch.empty_like(n)), transpose


class GroupNorm(Scaled):
    """Normalisation over groups of channels and all pixels of one sample (Wu & He, ECCV 2018).

    No coupling across the batch and no running statistics, so it is recomputed exactly.

    Args:
        width: channels.
        groups: default ``min(32, width)``, as in torchdiffeq's MNIST example.
        eps: added to the variance.
    """

    lipschitz, monotone, symmetric = Scaled.lipschitz, Scaled.monotone, Scaled.symmetric

    def __init__(self, width: int, groups: int | None = None, eps: float = 1e-5) -> None:
        super().__init__(width)
        self.groups, self.eps = groups or min(32, width), eps
        if width % self.groups:
            raise ValueError(f"{width} channels do not divide into {self.groups} groups")

    def forward(self, a: Tensor, affine: Theta, at: Instant) -> Tensor:
        """Return the normalised ``a``; ``at`` is not used."""
        s, b = affine
        return group_norm(a, s, b, self.groups, self.eps)

    def linearise(self, a: Tensor, affine: Theta) -> tuple[Tensor, Transpose]:
        """Return the value and its adjoint (`group_norm.pull`); neither overwrites what it is given."""
        s, b = affine
        value, back = linearised(a, s, b, self.groups, self.eps)

        def transpose(g: Tensor, sums: Sums, scale: float) -> Tensor:
            g_a, *weights = back(g)
            for total, g_w in zip(sums, weights, strict=True):
                if total is not None:
                    total.add_(g_w, alpha=scale)
            return g_a

        return value, transpose


class BatchNorm(Normalisation):
    """Batch normalisation with running statistics of its own at every step ``k``.

    The running statistics are not updated while `Recomputing`. A batch that is spread over processes is one batch.

    Args:
        width: channels.
        steps: number ``N`` of steps that share this object.
        eps: added to the variance.
        momentum: weight of the new statistics.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, width: int, steps: int, eps: float = 1e-4, momentum: float = 0.1) -> None:
        super().__init__(width)
        self.eps, self.momentum = eps, momentum
        self.register_buffer("running_mean", torch.zeros(steps, width))
        self.register_buffer("running_var", torch.ones(steps, width))

    def forward(self, a: Tensor, affine: Theta, at: Instant) -> Tensor:
        """Return the normalised ``a`` with the statistics of the batch, or the running ones of step ``at.k``."""
        s, b = affine
        mean, var = self.running_mean[at.k], self.running_var[at.k]
        if is_recomputing():
            mean, var = mean.clone(), var.clone()
        return batch_norm(a, mean, var, s, b, self.training, self.momentum, self.eps)


BATCH_NORMS = (BatchNorm, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def repeatable(dynamics: Dynamics) -> bool:
    """Tell whether ``F`` is the same when it is evaluated again: without random numbers or batch statistics."""
    return not dynamics.stochastic and not any(isinstance(m, BATCH_NORMS) for m in dynamics.modules())


def normalisation_named(name: str, width: int, steps: int | None) -> Normalisation:
    """Return the normalisation ``none``, ``tv``, ``group`` or ``batch``; the last needs the number of steps."""
    if name == "none":
        return Shift(width)
    if name == "tv":
        return TVNorm(width)
    if name == "group":
        return GroupNorm(width)
    if name == "batch" and steps is not None:
        return BatchNorm(width, steps)
    raise ValueError(f"unknown normalisation {name!r} (steps={steps}); valid: none, tv, group, batch with steps=N")
