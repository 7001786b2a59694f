"""The deep network on which layer-parallel solves are measured: many layers of width 8 to T = 5."""

import math

import torch
from torch import Tensor

from pdebridge.dynamics.control import PiecewiseConstant
from pdebridge.dynamics.dense import Dense
from pdebridge.integrators.euler import ForwardEuler
from pdebridge.networks.flow import Flow, Gradient

WIDTH, TIME = 8, 5.0
WAVES = 4


def network(steps: int, weights: str, gradient: Gradient) -> Flow:
    """Return ``u' = tanh(K u + b)`` in float64, the same for all gradients, and of smooth weights for all depths.

    Args:
        steps: ``N``.
        weights: ``smooth`` in depth (`waves`), or ``independent`` in every layer.
        gradient: the mode.
    """
    torch.manual_seed(0)
    F = Dense(WIDTH).double()
    control = PiecewiseConstant(F, steps).double()
    if weights == "smooth":
        torch.manual_seed(0)
        for w in control.parameters():
            w.data = waves(w, steps) / math.sqrt(WIDTH)
    return Flow(F, control, ForwardEuler(), gradient, steps, TIME)


def waves(like: Tensor, steps: int) -> Tensor:
    """Return ``sum_k a_k cos(pi k t) / (1 + k)`` with random ``a_k`` of the shape of one layer's weights."""
    t = torch.linspace(0, 1, steps, dtype=like.dtype)
    k = torch.arange(WAVES, dtype=like.dtype)
    amplitudes = torch.randn(WAVES, *like.shape[1:], dtype=like.dtype)
    return torch.tensordot(torch.cos(math.pi * torch.outer(t, k)) / (1 + k), amplitudes, 1)


def relative(found: Tensor, exact: Tensor) -> float:
    """Return the relative error in the Euclidean norm."""
    return float((found - exact).norm() / exact.norm())
