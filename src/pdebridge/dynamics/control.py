"""The control ``theta(t)``: which weights a step sees, and where the trainable parameters live."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from pdebridge.dynamics.base import Dynamics, Theta


class Control(nn.Module, ABC):
    """Weights ``theta(t)`` on ``[0, T]``, sampled for a discretisation of ``N`` steps.

    Each weight of the dynamics is one stacked parameter, so that smoothness in time is a difference along the
    first axis and a step's weights are a view. A control knows nothing of the steps that it was trained with: to
    discretise a trained network anew is to sample its control for another ``N``.

    Args:
        dynamics: names, shapes and the initial distribution of the weights.
        coefficients: number of weights in depth.
        repeat: use one draw for all of them in place of independent ones.

    Raises:
        ValueError: there is no coefficient.
    """

    names: tuple[str, ...]

    def __init__(self, dynamics: Dynamics, coefficients: int, repeat: bool = False) -> None:
        super().__init__()
        if coefficients < 1:
            raise ValueError(f"a control has at least one coefficient in depth, not {coefficients}")
        draws = [dynamics.initial()] * coefficients if repeat else [dynamics.initial() for _ in range(coefficients)]
        self.names = tuple(draws[0])
        for name in self.names:
            self.register_parameter(name, nn.Parameter(torch.stack([draw[name] for draw in draws])))

    @property
    def coefficients(self) -> list[Tensor]:
        """Return the stacked parameters in the order of the dynamics' weights."""
        return [getattr(self, name) for name in self.names]

    @abstractmethod
    def sample(self, steps: int, abscissae: tuple[float, ...]) -> Theta:
        """Return per weight a tensor ``(steps, S, ...)``: ``theta`` at ``(k + c_s) T / steps``.

        ``S`` is ``len(abscissae)``, or 1 where the control is constant over a step.
        """

    @abstractmethod
    def quadrature(self, time: float, derivative: bool = False) -> tuple[list[Tensor], Tensor | float]:
        """Return ``theta``, or ``theta'``, at nodes in ``[0, T]``, ``(n, ...)`` each, and the weights of the nodes.

        The rule is exact for ``int |theta|^2 dt`` and ``int |theta'|^2 dt`` of the function that the control is,
        wherever the steps of a flow lie. There is no node where nothing changes; equal weights are one number.

        Args:
            time: ``T``.
            derivative: of ``theta`` in ``t``.
        """


class Constant(Control):
    """``theta(t) = theta``: all steps share their weights, as in a neural ODE (Chen et al., NeurIPS 2018).

    Args:
        dynamics: names, shapes and the initial distribution of the weights.
    """

    def __init__(self, dynamics: Dynamics) -> None:
        super().__init__(dynamics, 1)

    def sample(self, steps: int, abscissae: tuple[float, ...]) -> Theta:
        """Return views ``(steps, 1, ...)`` without a copy."""
        return tuple(w.unsqueeze(1).expand(steps, *(-1,) * w.ndim) for w in self.coefficients)

    def quadrature(self, time: float, derivative: bool = False) -> tuple[list[Tensor], float]:
        """Return the one value; the derivative is zero and has no node."""
        return [w[:0] if derivative else w for w in self.coefficients], time


class PiecewiseConstant(Control):
    """``theta(t) = theta_k`` on ``[kh, (k+1)h)``: every step has its own weights, as in a ResNet.

    Args:
        dynamics: names, shapes and the initial distribution of the weights.
        steps: number ``N`` of steps.
        repeat: use one draw for all steps (Ruthotto & Haber, JMIV 2020, code) in place of independent ones.
    """

    def __init__(self, dynamics: Dynamics, steps: int, repeat: bool = False) -> None:
        super().__init__(dynamics, steps, repeat)

    def sample(self, steps: int, abscissae: tuple[float, ...]) -> Theta:
        """Return the stacked weights, ``(steps, 1, ...)``: views for ``N``, repeated for a multiple of ``N``.

        For a divisor of ``N`` a long step has the mean of the weights that it stands for.
        """
        theta = self.coefficients
        n = len(theta[0]) if theta else steps
        if n == steps:
            return tuple(w.unsqueeze(1) for w in theta)
        if steps > 0 and steps % n == 0:
            return tuple(w.repeat_interleave(steps // n, dim=0).unsqueeze(1) for w in theta)
        if steps > 0 and n % steps == 0:
            return tuple(w.unflatten(0, (steps, n // steps)).mean(1, keepdim=True) for w in theta)
        raise ValueError(f"this control has weights for {n} steps; {steps} is neither a multiple nor a divisor of that")

    def quadrature(self, time: float, derivative: bool = False) -> tuple[list[Tensor], float]:
        """Return the values of the steps, or the differences of neighbours over their distance ``h``."""
        theta = self.coefficients
        h = time / (len(theta[0]) if theta else 1)
        return [w.diff(dim=0) / h for w in theta] if derivative else theta, h

    @torch.no_grad()
    def prolong(self, steps: int) -> None:
        """Replace the weights by those of ``steps`` steps of the same time, linear in ``t`` between the old ones.

        ``theta_k`` is taken as the value at the middle of its step, ``(k + 1/2) h``; the outermost values are
        continued along the same lines. Weights that are linear in ``t`` stay so. The parameters are new ones.
        """
        for name, w in zip(self.names, self.coefficients, strict=True):
            n = len(w)
            x = (torch.arange(steps, dtype=w.dtype, device=w.device) + 0.5) * (n / steps) - 0.5
            left = x.floor().clamp(0, max(n - 2, 0)).long()
            right, share = (left + 1).clamp(max=n - 1), (x - left).view(-1, *(1,) * (w.ndim - 1))
            self.register_parameter(name, nn.Parameter(torch.lerp(w[left], w[right], share)))
