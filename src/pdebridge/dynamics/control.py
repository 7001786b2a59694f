"""The control ``theta(t)``: which weights a step sees, and where the trainable parameters live."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from pdebridge.dynamics.base import Dynamics, Theta


class Control(nn.Module, ABC):
    """Weights ``theta(t)`` on ``[0, T]``, sampled for a discretisation of ``N`` steps.

    Each weight of the dynamics is one stacked parameter, so that smoothness in time is a difference along the
    first axis and a step's weights are a view.
    """

    names: tuple[str, ...]

    @abstractmethod
    def sample(self, steps: int, abscissae: tuple[float, ...]) -> Theta:
        """Return per weight a tensor ``(steps, S, ...)``: ``theta`` at ``(k + c_s) T / steps``.

        ``S`` is ``len(abscissae)``, or 1 where the control is constant over a step.
        """


class PiecewiseConstant(Control):
    """``theta(t) = theta_k`` on ``[kh, (k+1)h)``: every step has its own weights, as in a ResNet.

    Args:
        dynamics: names, shapes and the initial distribution of the weights.
        steps: number ``N`` of steps.
        repeat: use one draw for all steps (Ruthotto & Haber, JMIV 2020, code) in place of independent ones.
    """

    def __init__(self, dynamics: Dynamics, steps: int, repeat: bool = False) -> None:
        super().__init__()
        draws = [dynamics.initial()] * steps if repeat else [dynamics.initial() for _ in range(steps)]
        self.names = tuple(draws[0])
        for name in self.names:
            self.register_parameter(name, nn.Parameter(torch.stack([draw[name] for draw in draws])))

    def sample(self, steps: int, abscissae: tuple[float, ...]) -> Theta:
        """Return the stacked weights, ``(N, 1, ...)``: views for ``N`` steps, repeated for a multiple of ``N``."""
        theta: list[Tensor] = [getattr(self, name) for name in self.names]
        refinement, rest = divmod(steps, len(theta[0]))
        if rest or not refinement:
            raise ValueError(f"this control has weights for {len(theta[0])} steps; {steps} is not a multiple of that")
        if refinement > 1:
            theta = [w.repeat_interleave(refinement, dim=0) for w in theta]
        return tuple(w.unsqueeze(1) for w in theta)
