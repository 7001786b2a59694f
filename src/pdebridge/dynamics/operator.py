"""The linear operator ``K`` of a layer and its transpose, dense or a convolution: formulas, not weights."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import vjp
from torch.nn import functional

from pdebridge.cube import known
from pdebridge.dynamics.closed_forms import ClosedForms
from pdebridge.dynamics.operator_norm import symbol_bound

MATRIX = 600  # rows of a convolution whose norm is that of its matrix
ROUNDING = 1e-10


class Operator(ClosedForms, ABC):
    """A square linear map ``u -> K u`` on ``width`` features or channels; its weight tensor comes with each call.

    A class of its own needs a formula for ``K u`` alone; its transpose and the derivative in ``K`` come from autograd.

    Args:
        width: number of features or channels.
    """

    derived = ("transpose", "pull_weight", "norm")
    unrelated = frozenset({"shape", "transposed", "identity"})

    def __init__(self, width: int) -> None:
        if width < 1:
            raise ValueError(f"an operator acts on at least one feature, not {width}")
        self.width = width

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Return the shape of the weight tensor."""

    @abstractmethod
    def __call__(self, K: Tensor, u: Tensor, b: Tensor | None = None) -> Tensor:
        """Return ``K u + b``; ``b`` has one entry a feature, or one in all."""

    def transpose(self, K: Tensor, u: Tensor, b: Tensor | None = None) -> Tensor:
        """Return ``K^T u + b``, for complex numbers ``K^H u + b``: the adjoint of ``u -> K u``."""
        (image,) = vjp(lambda v: self(K, v), torch.zeros_like(u))[1](u)
        return image if b is None else image + b.view(-1, *(1,) * (u.ndim - 2))

    def pull_weight(self, K: Tensor, u: Tensor, g: Tensor) -> Tensor:
        """Return the derivative of ``<g, K u>`` in ``K``, of which the shape alone is used."""
        (weight,) = vjp(lambda L: self(L, u), K)[1](g)
        return weight

    @abstractmethod
    def transposed(self, K: Tensor) -> Tensor:
        """Return the weight tensor of ``K^T`` as an operator of this kind."""

    @abstractmethod
    def identity(self, like: Tensor) -> Tensor:
        """Return the weight tensor of ``u -> u`` in the dtype and on the device of ``like``."""

    def norm(self, K: Tensor, pixels: tuple[int, ...] = ()) -> float:
        """Return an upper bound of ``||K||_2`` on features of ``(width, *pixels)``, with its boundary, in float64.

        The largest singular value of the matrix, raised by what rounding may hide, where the matrix is small.
        """
        unit = torch.eye(self.width * math.prod(pixels), dtype=torch.float64, device=K.device)
        matrix = self(K.detach().double(), unit.view(-1, self.width, *pixels)).flatten(1)
        return float(torch.linalg.matrix_norm(matrix, 2)) * (1 + ROUNDING)


class DenseOperator(Operator):
    """``K u`` with a matrix ``K`` of shape ``(width, width)`` for features ``u`` of shape ``(batch, width)``.

    Or many of them: ``(n, width, width)``, ``(n, batch, width)`` and ``b`` of ``(n, width)`` or ``(n, 1)``.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """Return ``(width, width)``."""
        return (self.width, self.width)

    def __call__(self, K: Tensor, u: Tensor, b: Tensor | None = None) -> Tensor:
        """Return ``u K^T + b`` for rows ``u``."""
        return product(u, K.mT, b)

    def transpose(self, K: Tensor, u: Tensor, b: Tensor | None = None) -> Tensor:
        """Return ``u conj(K) + b`` for rows ``u``."""
        return product(u, K.conj(), b)

    def pull_weight(self, K: Tensor, u: Tensor, g: Tensor) -> Tensor:
        """Return ``sum_i g_i u_i^T`` over the rows."""
        return g.mT @ u

    def transposed(self, K: Tensor) -> Tensor:
        """Return the transposed matrix, conjugate if complex."""
        return K.mH

    def identity(self, like: Tensor) -> Tensor:
        """Return the unit matrix."""
        return torch.eye(self.width, dtype=like.dtype, device=like.device)


def product(u: Tensor, A: Tensor, b: Tensor | None) -> Tensor:
    """Return ``u A + b``; several of them where the arguments have one more axis in front."""
    if b is None:
        return u @ A
    return torch.addmm(b, u, A) if A.ndim == 2 else torch.baddbmm(b.unsqueeze(1), u, A)


class Convolution(Operator):
    """A convolution with zero padding on images ``(batch, channels, *pixels)``, ``K``: ``(width, width, 3, ...)``.

    ``K^T`` is the transposed convolution with the same tensor; with stride 1, odd kernels and zero padding it is
    itself a convolution, with the in and out channels exchanged and the kernel reflected.

    Args:
        width: number of channels.
        dimension: 1, 2 or 3 space dimensions.
        kernel: odd number of taps in each direction.
    """

    forwards: Callable[..., Tensor]
    adjoint: Callable[..., Tensor]

    def __init__(self, width: int, dimension: int = 2, kernel: int = 3) -> None:
        super().__init__(width)
        self.dimension, self.kernel = dimension, kernel
        self.forwards = (functional.conv1d, functional.conv2d, functional.conv3d)[dimension - 1]
        self.adjoint = (functional.conv_transpose1d, functional.conv_transpose2d, functional.conv_transpose3d)[
            dimension - 1
        ]

    @property
    def shape(self) -> tuple[int, ...]:
        """Return ``(width, width, kernel, ...)``."""
        return (self.width, self.width) + (self.kernel,) * self.dimension

    def __call__(self, K: Tensor, u: Tensor, b: Tensor | None = None) -> Tensor:
        """Return the convolution of ``u`` with ``K``, plus ``b``."""
        return self.forwards(u, K, None if b is None else b.expand(len(K)), padding=self.kernel // 2)

    def transpose(self, K: Tensor, u: Tensor, b: Tensor | None = None) -> Tensor:
        """Return the transposed convolution of ``u`` with the same ``K``, plus ``b``."""
        return self.adjoint(u, K.conj(), None if b is None else b.expand(K.shape[1]), padding=self.kernel // 2)

    def pull_weight(self, K: Tensor, u: Tensor, g: Tensor) -> Tensor:
        """Return the correlations of ``g`` with the shifted ``u``."""
        one, pad, zero = ([n] * self.dimension for n in (1, self.kernel // 2, 0))
        wanted = (False, True, False)
        pulled = torch.ops.aten.convolution_backward(g, u, K, None, one, pad, one, False, zero, 1, wanted)
        weight: Tensor = pulled[1]
        return weight

    def transposed(self, K: Tensor) -> Tensor:
        """Return the reflected kernel with in and out channels exchanged."""
        return K.conj().transpose(0, 1).flip(tuple(range(2, K.ndim)))

    def norm(self, K: Tensor, pixels: tuple[int, ...] = ()) -> float:
        """Return an upper bound of ``||K||_2`` on a grid of ``pixels``; on grids of every size if there are none.

        Of the matrix with its zero boundary where it has few rows, from the symbol otherwise.
        """
        if pixels and self.width * math.prod(pixels) <= MATRIX:
            return super().norm(K, pixels)
        return symbol_bound(K.detach().double()) * (1 + ROUNDING)

    def identity(self, like: Tensor) -> Tensor:
        """Return the kernel with one unit tap a channel in its middle."""
        kernel = torch.zeros(self.shape, dtype=like.dtype, device=like.device)
        taps = kernel.view(self.width, self.width, -1)  # the middle one of an odd number
        taps[:, :, taps.shape[2] // 2] = torch.eye(self.width, dtype=like.dtype, device=like.device)
        return kernel


OPERATORS: dict[str, Callable[[int], Operator]] = {
    "dense": DenseOperator,
    "conv1d": lambda width: Convolution(width, 1),
    "conv2d": lambda width: Convolution(width, 2),
    "conv3d": lambda width: Convolution(width, 3),
    "spaced-conv2d": lambda width: spaced(width, 2),
    "spaced-conv3d": lambda width: spaced(width, 3),
}


def spaced(width: int, dimension: int) -> Operator:
    """Return the convolution whose kernel follows the spacing of the grid."""
    from pdebridge.dynamics.spaced import SpacedConvolution  # which builds on this module

    return SpacedConvolution(width, dimension)


def operator_named(name: str, width: int) -> Operator:
    """Return the operator of a name on ``width`` features; raise ``ValueError`` if the name is unknown."""
    return known(name, OPERATORS, "operator")(width)
