"""A cost of how many others are near: the density seen through a kernel, of one crowd or of several together."""

from math import inf, log, pi
from typing import ClassVar

import torch
from torch import Tensor

from pdebridge.meanfield.interactions import Interaction, Time
from pdebridge.meanfield.normals import Normals

PARTNERS = 128
"""Samples, at most, that stand for the crowd: each of N samples costs so many evaluations of the kernel, not N."""


class NonlocalCongestion(Interaction):
    r"""``F = weight/2 int int K(x - y) rho(x) rho(y) dx dy`` with a Gaussian kernel ``K`` of mass 1: crowds keep apart.

    ``rho = sum_i rho_i`` is the density of all crowds together, each of mass 1; a row holds a sample of every crowd,
    ``x = (x_1, ..., x_P)``. For a small width it is `pdebridge.meanfield.interactions.Congestion` of power 1. Its value
    is an average over pairs of different rows of one batch, without bias whatever the size of the batch.

    The kernel is positive definite, so that ``F`` lies above its tangent at normal densities ``r_i`` with covariances
    ``S_i``, where ``K * r_i = N(m_i, S_i + width^2 I)``:

        F(rho) >= weight sum_i int (K * r)(x_i) rho_i dx_i - weight/2 int (K * r) r.

    Args:
        weight: of the cost.
        width: standard deviation of the kernel.
        crowds: number P of crowds, each of ``d/P`` coordinates.

    Raises:
        ValueError: weight or width is not positive.
    """

    bounded_by_its_integrand: ClassVar[bool] = True

    def __init__(self, weight: float, width: float, crowds: int = 1) -> None:
        super().__init__()
        if not (0 < weight < inf and 0 < width < inf):
            raise ValueError(f"weight and width of a congestion must be positive, not {weight:g} and {width:g}")
        self.weight, self.width, self.crowds = weight, width, crowds

    def forward(self, x: Tensor, log_rho: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``weight/2 sum_i (K * rho)(x_i)`` and twice that, ``(N,)``, for the rows as their own crowd."""
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0)).to(x.device)[:PARTNERS]
        others = order != torch.arange(len(x), device=x.device).unsqueeze(1)
        variation = self._among(x, x[order], others.to(x))
        return variation / 2, variation

    def among(self, x: Tensor, log_rho: Tensor, t: Time, crowd: Tensor) -> tuple[Tensor, Tensor]:
        """Return the same at rows ``x`` that are not of the crowd, whose samples are the rows of `crowd`."""
        variation = self._among(x, crowd[:PARTNERS], x.new_ones(1, 1))
        return variation / 2, variation

    def _among(self, x: Tensor, partners: Tensor, share: Tensor) -> Tensor:
        """Return ``weight sum_ij K(x_i - y_j)`` averaged over the partners with weights ``(N, M)``."""
        a, b = (each.reshape(len(each) * self.crowds, -1) for each in (x, partners))
        squares = a.square().sum(1, keepdim=True) + b.square().sum(1) - 2 * a @ b.T
        d = a.shape[1]
        K = (-squares / (2 * self.width**2) - d / 2 * log(2 * pi * self.width**2)).exp()
        K = K.view(len(x), self.crowds, len(partners), self.crowds).sum((1, 3)) * share
        return self.weight * K.sum(1) / share.expand_as(K).sum(1).clamp_min(1)

    def below(self, x: Tensor, r: Normals, t: Tensor) -> Tensor:
        """Return the slope of the tangent at the marginals of ``r``, ``(T, N)``."""
        T, N, d = x.shape
        P, size = self.crowds, d // self.crowds
        blur = self.width**2 * torch.eye(size, dtype=x.dtype, device=x.device)
        m = r.means.view(T, P, 1, size)
        S = r.covariances.view(T, P, size, P, size).diagonal(dim1=1, dim2=3).permute(0, 3, 1, 2) + blur
        each = x.reshape(T, N * P, size)
        seen = sum(Normals.with_moments(m[:, j], S[:, j]).log_density(each).exp() for j in range(P))
        apart, both = m.unsqueeze(1) - m.unsqueeze(2), S.unsqueeze(1) + S.unsqueeze(2) - blur
        pairs = Normals.with_moments(apart.flatten(0, 2), both.flatten(0, 2))
        middle = pairs.log_density(torch.zeros_like(pairs.means)).exp().view(T, P * P).sum(1, keepdim=True)
        return self.weight * (torch.as_tensor(seen).view(T, N, P).sum(2) - middle / 2)
