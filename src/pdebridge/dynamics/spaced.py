"""A convolution as a differential operator: its stencils follow the spacing of the grid, axis by axis.

Haber, Ruthotto, Holtham & Jun, Learning across scales (AAAI 2018), equation (6), for a spacing of each axis.
"""

from functools import reduce

import torch
from torch import Tensor

from pdebridge.dynamics.operator import Convolution

STENCILS = ((0.0, 1.0, 0.0), (-0.5, 0.0, 0.5), (1.0, -2.0, 1.0))
"""``u``, ``2 h u_x`` and ``h^2 u_xx`` on three neighbours: a basis of the kernels of one axis."""


def change(ratio: float, dtype: torch.dtype = torch.float64) -> Tensor:
    """Return ``B diag(1, 1/r, 1/r^2) B^-1``: the same derivatives on neighbours ``r`` times as far away."""
    B = torch.tensor(STENCILS, dtype=torch.float64).T
    powers = torch.tensor([1.0, 1 / ratio, 1 / ratio**2], dtype=torch.float64)
    return ((B * powers) @ torch.linalg.inv(B)).to(dtype)


class SpacedConvolution(Convolution):
    """A convolution with three taps an axis, whose weights are a kernel at spacing 1 on every axis.

    Such a kernel is a combination of products of ``u``, ``u_x`` and ``u_xx`` of each axis. On a grid whose spacing is
    ``r_1, ..., r_d`` the same combination has the kernel ``(T(r_1) x ... x T(r_d)) K`` with `change` as ``T``; at
    ``r = 1`` it is ``K`` itself. Reflections commute with ``T``, so that the kernel of ``K^T`` is the same at every
    spacing. The spacing is `ratios`, which whoever owns the grid sets between two passes.

    Args:
        width: number of channels.
        dimension: 1, 2 or 3 space dimensions.
    """

    def __init__(self, width: int, dimension: int = 2) -> None:
        super().__init__(width, dimension)
        self.ratios = (1.0,) * dimension

    def matrix(self, like: Tensor) -> Tensor | None:
        """Return ``T(r_1) x ... x T(r_d)`` on the taps of a kernel; nothing at spacing 1."""
        if all(r == 1 for r in self.ratios):
            return None
        return reduce(torch.kron, [change(r) for r in self.ratios]).to(like)

    def scaled(self, K: Tensor) -> Tensor:
        """Return the kernel at the present spacing."""
        T = self.matrix(K.real)
        return K if T is None else (K.flatten(2) @ T.mT.to(K.dtype)).view_as(K)

    def __call__(self, K: Tensor, u: Tensor, b: Tensor | None = None) -> Tensor:
        """Return the convolution of ``u`` with the kernel at the present spacing, plus ``b``."""
        return super().__call__(self.scaled(K), u, b)

    def transpose(self, K: Tensor, u: Tensor, b: Tensor | None = None) -> Tensor:
        """Return its adjoint, plus ``b``."""
        return super().transpose(self.scaled(K), u, b)

    def pull_weight(self, K: Tensor, u: Tensor, g: Tensor) -> Tensor:
        """Return the correlations of ``g`` with the shifted ``u``, pulled back through the change of spacing."""
        pulled, T = super().pull_weight(K, u, g), self.matrix(K.real)
        return pulled if T is None else (pulled.flatten(2) @ T.to(pulled.dtype)).view_as(pulled)

    def norm(self, K: Tensor, pixels: tuple[int, ...] = ()) -> float:
        """Return an upper bound of the norm at the present spacing, as `Convolution` does."""
        plain = Convolution(self.width, self.dimension)
        return plain.norm(self.scaled(K.detach().double()), pixels)
