"""BFGS and L-BFGS for an objective whose samples are redrawn now and then and whose penalties have kinks."""

from abc import abstractmethod
from collections.abc import Callable, Iterable
from math import inf
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from pdebridge.optimisation.two_loops import Pair, descent, dot
from pdebridge.optimisation.vectors import join, place

Closure = Callable[[], Tensor]


class QuasiNewton(Optimizer):
    """``w <- w - t H g`` with ``H`` from pairs ``s = w_+ - w``, ``y = g_+ - g`` and a weak Wolfe line search.

    The line search is the bisection of Lewis & Overton (Math. Program. 141, 2013), made for functions with kinks:
    it ends with sufficient decrease ``f_+ <= f + c_1 t g.d`` and ``g_+.d >= c_2 g.d``, so that ``y.s > 0``.

    Both gradients of a pair belong to the same samples. After samples were redrawn, call `resampled`: the next step
    evaluates its gradient anew and keeps the curvature it knows (public codes mix the two draws in one ``y``).

    Args:
        params: the weights, one group.
        c1: of the sufficient decrease.
        c2: of the curvature condition.
        trials: evaluations that one line search may take; if none of them decreases the function, ``H`` is reset
            and the weights stay.
    """

    def __init__(self, params: Iterable[nn.Parameter], c1: float = 1e-4, c2: float = 0.9, trials: int = 30) -> None:
        super().__init__(params, {"c1": c1, "c2": c2, "trials": trials})
        if len(self.param_groups) != 1:
            raise ValueError("a quasi-Newton method needs all weights in one group")
        self._weights: list[nn.Parameter] = self.param_groups[0]["params"]

    @property
    def memory(self) -> dict[str, Any]:
        """Return the state, kept with the first weight so that checkpoints contain it."""
        return self.state[self._weights[0]]

    @abstractmethod
    def direction(self, gradient: Tensor) -> Tensor:
        """Return ``-H g``."""

    @abstractmethod
    def update(self, s: Tensor, y: Tensor) -> None:
        """Learn from a pair with ``y.s > 0``."""

    @abstractmethod
    def reset(self) -> None:
        """Forget all pairs: ``H`` becomes a multiple of the identity."""

    def resampled(self) -> None:
        """Say that the objective has changed: its value and gradient must be evaluated anew."""
        self.memory.pop("value", None)

    @torch.no_grad()
    def step(self, closure: Closure) -> float:  # type: ignore[override]
        """Take one step and return the objective before it; `closure` computes it and its gradient."""
        memory = self.memory
        if "value" not in memory:
            memory["value"], memory["gradient"] = self._evaluate(closure)
        value, gradient, start = memory["value"], memory["gradient"], self._position()
        direction, slope = self._downhill(gradient)
        found = self._search(closure, start, direction, value, slope)
        if found is None:
            self.reset()
            self._place(start)
            return value
        t, memory["value"], memory["gradient"] = found
        self._learn(t * direction, memory["gradient"] - gradient)
        return value

    def _downhill(self, gradient: Tensor) -> tuple[Tensor, float]:
        """Return ``d = -H g``, or ``-g`` where that does not descend, and ``g.d``."""
        direction = self.direction(gradient)
        slope = float(gradient @ direction)
        if slope >= 0:
            self.reset()
            direction, slope = -gradient, -float(gradient @ gradient)
        return direction, slope

    def _learn(self, s: Tensor, y: Tensor) -> None:
        """Update ``H`` where the curvature along the pair is positive beyond rounding."""
        if float(s @ y) > 1e-10 * float(s.norm() * y.norm()):
            self.update(s, y)

    def _search(
        self, closure: Closure, start: Tensor, direction: Tensor, value: float, slope: float
    ) -> tuple[float, float, Tensor] | None:
        """Return a step length with value and gradient there; weights end at that point."""
        group = self.param_groups[0]
        low, high, t, best = 0.0, inf, 1.0, None
        for _ in range(group["trials"]):
            self._place(torch.add(start, direction, alpha=t))
            trial, gradient = self._evaluate(closure)
            if not trial <= value + group["c1"] * t * slope:
                high = t
            else:
                low, best = t, (t, trial, gradient)
                if float(gradient @ direction) >= group["c2"] * slope:
                    break
            t = (low + high) / 2 if high < inf else 2 * low
        if best is not None:
            self._place(torch.add(start, direction, alpha=best[0]))
        return best

    def _evaluate(self, closure: Closure) -> tuple[float, Tensor]:
        with torch.enable_grad():
            value = closure().item()
        slopes = [torch.zeros_like(w) if w.grad is None else w.grad for w in self._weights]
        return value, join(slopes)

    def _position(self) -> Tensor:
        return join(self._weights).detach()

    def _place(self, position: Tensor) -> None:
        place(position, self._weights)


class BFGS(QuasiNewton):
    """Dense inverse Hessian, ``n^2`` numbers, updated by two ranks in ``O(n^2)`` (Nocedal & Wright, eq. 6.17).

    ``H <- H + (1 + y.Hy/y.s) s s^T/y.s - (Hy s^T + s (Hy)^T)/y.s``, algebraically the published ``O(n^3)`` product.
    The first ``H`` is the identity, scaled before the first update by ``s.y/y.y``.
    """

    def direction(self, gradient: Tensor) -> Tensor:
        """Return ``-H g``."""
        if "H" not in self.memory:
            return -gradient / gradient.norm().clamp_min(1.0)
        return -(self.memory["H"] @ gradient)

    def update(self, s: Tensor, y: Tensor) -> None:
        """Add the two ranks."""
        ys = s @ y
        if "H" not in self.memory:
            self.memory["H"] = torch.eye(len(s), dtype=s.dtype, device=s.device) * (ys / (y @ y))
        H = self.memory["H"]
        Hy = H @ y
        u = ((1 + (y @ Hy) / ys) / 2 * s - Hy) / ys  # the update is u s^T + s u^T
        H.addr_(u, s).addr_(s, u)

    def reset(self) -> None:
        """Drop ``H``."""
        self.memory.pop("H", None)


class LBFGS(QuasiNewton):
    """``H`` from the last `history` pairs, on ``s.y / y.y`` times the identity for the last one of them."""

    def __init__(self, params: Iterable[nn.Parameter], history: int = 20, **search: Any) -> None:
        super().__init__(params, **search)
        self.history = history

    def direction(self, gradient: Tensor) -> Tensor:
        """Return ``-H g``."""
        pairs = [Pair(s[None], y[None], 1 / dot(s[None], y[None])) for s, y in self.memory.get("pairs", [])]
        if not pairs:
            return -gradient / gradient.norm().clamp_min(1.0)
        _, y, weight = pairs[-1]
        return descent(gradient[None], pairs, 1 / (weight * dot(y, y)))[0]

    def update(self, s: Tensor, y: Tensor) -> None:
        """Keep the pair and drop the oldest beyond `history`."""
        self.memory["pairs"] = [*self.memory.get("pairs", []), (s, y)][-self.history :]

    def reset(self) -> None:
        """Drop all pairs."""
        self.memory.pop("pairs", None)
