"""Probability densities on R^d by their logarithm, with three ways to sample them.

Only log-densities are evaluated: in d = 100 the density itself underflows single precision.
"""

from collections.abc import Sequence
from math import inf, log, pi
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.quasirandom import SobolEngine

ROUNDING = 1e-10  # relative asymmetry, and least relative eigenvalue, of a covariance that was computed

Array = Tensor | Sequence[float] | Sequence[Sequence[float]]


class GaussianMixture(nn.Module):
    """``rho(x) = sum_k w_k N(x; mu_k, Sigma_k)`` on R^d.

    Args:
        means: ``mu``, shape ``(K, d)``.
        covariance: a variance common to all, diagonals ``(K, d)`` or matrices ``(K, d, d)``; ``K`` may be 1 for
            a covariance that all components share.
        weights: ``w``, shape ``(K,)``, normalised here; equal by default.

    Raises:
        ValueError: a covariance is not symmetric positive definite, a mean not finite, a weight not positive, or shapes
            disagree.
    """

    means: Tensor
    scale: Tensor
    log_weights: Tensor

    def __init__(self, means: Array, covariance: float | Array, weights: Array | None = None) -> None:
        super().__init__()
        mu = _float64(means)
        if mu.ndim != 2 or not len(mu):
            raise ValueError(f"means are (K, d) with at least one component, not {tuple(mu.shape)}")
        if not bool(mu.isfinite().all()):
            raise ValueError("means, or samples, must be finite numbers")
        w = torch.ones(len(mu), dtype=mu.dtype) if weights is None else _float64(weights)
        if w.shape != mu.shape[:1] or not bool((w > 0).all()):
            raise ValueError(f"weights must be {len(mu)} positive numbers, one a component")
        self.components, self.d = mu.shape
        dtype = torch.get_default_dtype()
        self.register_buffer("means", mu.to(dtype))
        self.register_buffer("scale", _root(covariance, self.components, self.d).to(dtype))
        self.register_buffer("log_weights", (w / w.sum()).log().to(dtype))

    @classmethod
    def from_samples(cls, samples: Tensor, bandwidth: float | None = None) -> "GaussianMixture":
        """Estimate a density from samples ``(n, d)`` by a Gaussian kernel on each of them.

        The kernel's covariance is ``bandwidth^2`` times that of the samples; the default bandwidth is Scott's
        ``n^(-1/(d+4))`` (Scott 1992). Meant for small d: the estimate degrades exponentially with d.

        Raises:
            ValueError: fewer samples than ``d + 1``, so that their covariance is singular, or a bandwidth of 0 or less.
        """
        if bandwidth is not None and not 0 < bandwidth < inf:
            raise ValueError(f"bandwidth must be positive (found {bandwidth:g})")
        if samples.ndim != 2 or len(samples) <= samples.shape[1]:
            raise ValueError(f"a density in d dimensions needs samples (n, d) with n > d, not {tuple(samples.shape)}")
        n, d = samples.shape
        h = n ** (-1 / (d + 4)) if bandwidth is None else bandwidth
        return cls(samples, h**2 * samples.double().T.cov().reshape(1, d, d))

    def log_density(self, x: Tensor) -> Tensor:
        """Return ``log rho(x)``, shape ``(N,)``, for rows ``x`` of shape ``(N, d)``."""
        if self.scale.ndim == 2:
            white, root = (x.unsqueeze(1) - self.means) / self.scale, self.scale
        else:
            centred = (x.unsqueeze(1) - self.means).movedim(0, 2)  # (K, d, N)
            white = torch.linalg.solve_triangular(self.scale, centred, upper=False).movedim(2, 0)
            root = self.scale.diagonal(dim1=1, dim2=2)
        normaliser = self.log_weights - root.log().sum(1) - 0.5 * self.d * log(2 * pi)
        return torch.logsumexp(normaliser - 0.5 * white.square().sum(2), dim=1)

    def deviations(self) -> Tensor:
        """Return the standard deviation of every coordinate in every component, ``(K, d)``."""
        own = self.scale if self.scale.ndim == 2 else self.scale.square().sum(2).sqrt()
        return own.expand(self.components, self.d)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw ``n`` independent points ``(n, d)``."""
        component = torch.multinomial(self.log_weights.exp(), n, replacement=True, generator=generator)
        return self._place(component, self._normal(n, generator))

    def stratified(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw ``n`` points ``(n, d)``, exactly ``n w_k`` of them from component k, independent within it.

        Raises:
            ValueError: some ``n w_k`` is not an integer.
        """
        share = n * self.log_weights.double().exp()
        count = share.round()
        if not torch.allclose(share, count, atol=1e-4):
            raise ValueError(f"{n} points cannot be divided among {self.components} components by their weights")
        component = torch.repeat_interleave(torch.arange(self.components, device=count.device), count.long())
        return self._place(component, self._normal(n, generator))

    def sobol(self, n: int, seed: int = 0) -> Tensor:
        """Return ``n`` quasi-random points ``(n, d)``: scrambled Sobol points through the inverse distribution.

        A mixture spends one more Sobol coordinate on the choice of the component.
        """
        engine = SobolEngine(self.d + (self.components > 1), scramble=True, seed=seed)
        # on the host: the same points on every device, and CUDA has no deterministic sum of this kind
        u = engine.draw(n, dtype=torch.float64).clamp(2.0**-31, 1 - 2.0**-31)
        cumulative = self.log_weights.double().cpu().exp().cumsum(0)
        component = torch.searchsorted(cumulative[:-1], u[:, -1].contiguous(), right=True)
        return self._place(component.to(self.means.device), torch.special.ndtri(u[:, : self.d]).to(self.means))

    def _normal(self, n: int, generator: torch.Generator | None) -> Tensor:
        return torch.randn(n, self.d, generator=generator, dtype=self.means.dtype, device=self.means.device)

    def _place(self, component: Tensor, standard: Tensor) -> Tensor:
        scale = self.scale.expand(self.components, *self.scale.shape[1:])
        if scale.ndim == 2:
            return torch.addcmul(self.means[component], scale[component], standard)
        rows = torch.empty_like(standard)
        for k in range(self.components):
            chosen = component == k
            rows[chosen] = standard[chosen] @ scale[k].T + self.means[k]
        return rows


class Gaussian(GaussianMixture):
    """``rho = N(mean, covariance)`` on R^d.

    Args:
        mean: shape ``(d,)``.
        covariance: a variance, a diagonal ``(d,)`` or a matrix ``(d, d)``.
    """

    def __init__(self, mean: Array, covariance: float | Array) -> None:
        matrix = covariance if isinstance(covariance, int | float) else _float64(covariance).unsqueeze(0)
        super().__init__(_float64(mean).unsqueeze(0), matrix)


class Components(NamedTuple):
    """A mixture by matrices: ``means`` ``(K, d)``, ``covariances`` ``(K, d, d)``, ``log_weights`` ``(K,)``, float64."""

    means: Tensor
    covariances: Tensor
    log_weights: Tensor

    def chosen(self, coordinates: Tensor) -> "Components":
        """Return the marginal of some coordinates."""
        covariances = self.covariances[:, coordinates][:, :, coordinates]
        return Components(self.means[:, coordinates], covariances, self.log_weights)


def components(density: GaussianMixture) -> Components:
    """Return a mixture in double precision on the host."""
    means, scale = density.means.double().cpu(), density.scale.double().cpu()
    own = torch.diag_embed(scale.square()) if scale.ndim == 2 else scale @ scale.mT
    return Components(means, own.expand(len(means), -1, -1), density.log_weights.double().cpu())


def _float64(values: Array) -> Tensor:
    try:
        return torch.as_tensor(values, dtype=torch.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"not an array of numbers, row by row of one length: {values}") from error


def _root(covariance: float | Array, components: int, d: int) -> Tensor:
    """Return standard deviations ``(K or 1, d)`` or lower Cholesky factors ``(K or 1, d, d)``."""
    sigma = _float64(covariance)  # type: ignore[arg-type]
    if sigma.ndim == 0:
        sigma = sigma.expand(1, d)
    if sigma.shape[1:] not in {(d,), (d, d)} or sigma.shape[0] not in {1, components}:
        raise ValueError(
            f"a covariance in {d} dimensions is a number, (K, {d}) or (K, {d}, {d}), not {tuple(sigma.shape)}"
        )
    if sigma.ndim == 2:
        positive = bool((sigma > 0).all())
        return _positive(sigma.sqrt(), positive)
    asymmetry = (sigma - sigma.mT).abs().amax((1, 2)) / sigma.abs().amax((1, 2))
    sigma = (sigma + sigma.mT) / 2
    values = torch.linalg.eigvalsh(sigma) if bool(sigma.isfinite().all()) else sigma.new_full((1, 1), -inf)
    positive = bool((asymmetry <= ROUNDING).all() and (values[:, 0] > ROUNDING * values[:, -1]).all())
    return _positive(torch.linalg.cholesky_ex(sigma)[0], positive)


def _positive(root: Tensor, positive: bool) -> Tensor:
    if not positive:
        raise ValueError("a covariance must be symmetric positive definite")
    return root
