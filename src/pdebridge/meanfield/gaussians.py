"""Distances, maps and divergences between normal distributions."""

from math import log

import torch
from torch import Tensor


def wasserstein2_squared(mean0: Tensor, covariance0: Tensor, mean1: Tensor, covariance1: Tensor) -> float:
    """Return ``W_2^2`` between two Gaussians: ``|m0 - m1|^2 + tr(S0 + S1 - 2 (S0^1/2 S1 S0^1/2)^1/2)``."""
    root = _square_root(covariance0)
    cross = _square_root(root @ covariance1 @ root)
    return float((mean0 - mean1).square().sum() + (covariance0 + covariance1 - 2 * cross).trace())


def gaussian_map(covariance0: Tensor, covariance1: Tensor) -> Tensor:
    """Return the symmetric ``M`` of the optimal map ``m1 + M (x - m0)``: ``S0^-1/2 (S0^1/2 S1 S0^1/2)^1/2 S0^-1/2``."""
    root = _square_root(covariance0)
    inverse = torch.linalg.inv(root)
    return inverse @ _square_root(root @ covariance1 @ root) @ inverse


def _square_root(symmetric: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(symmetric)
    return vectors * values.clamp_min(0).sqrt() @ vectors.mT


def divergence(mean: float, std: float, mean1: float, std1: float) -> float:
    """Return ``KL(N(mean, std^2) | N(mean1, std1^2))``."""
    return ((mean - mean1) ** 2 + std**2) / (2 * std1**2) - 0.5 - log(std / std1)


def terminal_coefficients(
    mean: float, std: float, mean1: float, std1: float, weight: float, d: int
) -> tuple[float, float, float]:
    """Return ``p, q, r`` of one coordinate of ``weight (1 + log rho/rho_1)``: the constant 1 is shared by all d."""
    p = weight * (1 / std1**2 - 1 / std**2)
    q = weight * (mean / std**2 - mean1 / std1**2)
    r = weight * (1 / d - mean**2 / (2 * std**2) + mean1**2 / (2 * std1**2) - log(std / std1))
    return p, q, r
