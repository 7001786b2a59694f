"""Normal densities, one a time: those with the moments of a crowd stand for it in dual bounds."""

from math import log, pi
from typing import NamedTuple

import torch
from torch import Tensor


class Normals(NamedTuple):
    """``N(means_k, covariances_k)`` at ``T`` times.

    ``means`` are ``(T, 1, d)``, ``covariances`` and ``whiten`` (the transposed inverses of their Cholesky factors)
    ``(T, d, d)``; ``log_peak`` ``(T, 1)`` are the logarithms of the largest values.
    """

    means: Tensor
    covariances: Tensor
    whiten: Tensor
    log_peak: Tensor

    @classmethod
    def of(cls, crowd: Tensor) -> "Normals":
        """Return the densities with the moments of samples ``(T, N, d)``, ``N > d``."""
        means = crowd.mean(1, keepdim=True)
        centred = (crowd - means).double()
        return cls.with_moments(means, centred.mT @ centred / crowd.shape[1])

    @classmethod
    def with_moments(cls, means: Tensor, covariances: Tensor) -> "Normals":
        """Return the densities with means ``(T, 1, d)`` and covariances ``(T, d, d)``, in the precision of `means`."""
        factor = torch.linalg.cholesky(covariances.double())
        log_peak = -factor.diagonal(dim1=1, dim2=2).log().sum(1, keepdim=True) - means.shape[2] / 2 * log(2 * pi)
        return cls(means, *(each.to(means) for each in (covariances, torch.linalg.inv(factor).mT, log_peak)))

    def at(self, k: int) -> "Normals":
        """Return the density at one time."""
        return Normals(*(each[k].unsqueeze(0) for each in self))

    def log_density(self, x: Tensor) -> Tensor:
        """Return the logarithms ``(T, N)`` at points ``(T, N, d)``."""
        return self.log_peak - 0.5 * ((x - self.means) @ self.whiten).square().sum(2)
