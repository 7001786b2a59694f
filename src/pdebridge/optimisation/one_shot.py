"""Simultaneous (one-shot) training: weights, states and adjoints approach the optimum together."""

from typing import Any

import torch
from torch import Tensor, nn

from pdebridge.gradients.layer_parallel import LayerParallel
from pdebridge.gradients.multigrid import on_level
from pdebridge.networks.regularisation import flows
from pdebridge.optimisation.problem import ControlMethod
from pdebridge.optimisation.quasi_newton import LBFGS, Closure


class OneShot(LBFGS, ControlMethod):
    """L-BFGS on ``J~``, the objective at states that a few multigrid cycles improve (Günther et al. 2020, section 4).

    An iteration improves the last states by ``k`` cycles and the last adjoints likewise, takes ``J~`` and its gradient
    from them, and goes ``theta <- theta - t H g`` with ``t = 1, 1/2, 1/4, ...`` until
    ``J~(theta - t H g) <= J~ - c_1 t g.H g`` (Armijo); a trial is ``k`` cycles from the states of the iterate. Where
    weights settle, so do states and adjoints, and a stationary point is one of the exact problem.

    The error of ``J~`` is of the order of the step, with the cycles' factor, and what a step gains falls with the
    gradient, so that in the end too few cycles hide it. A step without a length that decreases ``J~`` is refused:
    weights and states stay, all solves get `extra` cycles more from then on, and value, gradient and direction are
    taken anew. Where a solve has as many cycles as intervals it is exact, and ``H`` is forgotten instead.

    ``k`` is the network's, whose flows need the gradient ``layer-parallel`` with a warm start; the batch is the same in
    every step.

    Args:
        net: the network.
        history: stored pairs ``(s, y)``; both gradients of one are inexact.
        c1: of the sufficient decrease.
        trials: halvings of a step that may be refused, and one more.
        extra: cycles that a refused step adds.
        tolerance: of ``|g|``, below which the weights stay and cycles alone go on.

    Raises:
        ValueError: a flow has another gradient.
    """

    def __init__(
        self,
        net: nn.Module,
        history: int = 10,
        c1: float = 1e-4,
        trials: int = 20,
        extra: int = 1,
        tolerance: float = 1e-4,
    ) -> None:
        super().__init__([p for p in net.parameters() if p.requires_grad], history, c1=c1, trials=trials)
        self.modes = warm_modes(net)
        self.intervals = [
            flow.steps // on_level(mode.factor, 0) for flow, mode in zip(flows(net), self.modes, strict=True)
        ]
        self.extra, self.tolerance = extra, tolerance

    @torch.no_grad()
    def step(self, closure: Closure) -> float:  # type: ignore[override]
        """Take one iteration and return ``J~`` before it; `closure` computes it and its gradient in ``k`` cycles."""
        value, gradient = self._evaluate(closure)
        memory, position = self.memory, self._position()
        if memory:
            self._learn(position - memory["position"], gradient - memory["gradient"])
        while gradient.norm() >= self.tolerance and not self._descend(value, gradient) and self._refine():
            value, gradient = self._evaluate(closure)
        memory["position"], memory["gradient"] = position, gradient
        return value

    def _descend(self, value: float, gradient: Tensor) -> bool:
        """Move to the first trial that decreases ``J~`` enough; else return to the iterate and its states."""
        group, t = self.param_groups[0], 1.0
        start, states = self._position(), [dict(mode.last) for mode in self.modes]
        direction, slope = self._downhill(gradient)
        for _ in range(group["trials"]):
            self._place(torch.add(start, direction, alpha=t))
            if self._objective() <= value + group["c1"] * t * slope:
                return True
            for mode, last in zip(self.modes, states, strict=True):
                mode.last = dict(last)
            t /= 2
        self._place(start)
        return False

    def _objective(self) -> float:
        """Return ``J~`` after ``k`` cycles more; without gradients the flow would be the serial loop."""
        net, x, c, objective = self.problem
        with torch.enable_grad():
            return objective(net(x), c).item()

    def _refine(self) -> bool:
        """Add cycles to all solves; return whether that can help, and forget ``H`` where they are exact already."""
        inexact = False
        for mode, limit in zip(self.modes, self.intervals, strict=True):
            inexact |= min(mode.cycles.values()) < limit
            mode.cycles = {what: min(k + self.extra, max(k, limit)) for what, k in mode.cycles.items()}
        if not inexact:
            self.reset()
        return inexact

    def state_dict(self) -> dict[str, Any]:
        """Return pairs, iterate, states, adjoints and numbers of cycles."""
        solves = [{"last": dict(mode.last), "cycles": dict(mode.cycles)} for mode in self.modes]
        return super().state_dict() | {"solves": solves}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore all of them."""
        super().load_state_dict(state_dict)
        for mode, solve in zip(self.modes, state_dict["solves"], strict=True):
            mode.last, mode.cycles = dict(solve["last"]), dict(solve["cycles"])


def warm_modes(net: nn.Module) -> list[LayerParallel]:
    """Return the layer-parallel gradients of all flows; refuse other ones, and solves that start anew every time."""
    modes = [flow.gradient for flow in flows(net)]
    found = [mode for mode in modes if isinstance(mode, LayerParallel) and mode.warm]
    if not modes or len(found) < len(modes):
        raise ValueError(
            "one-shot training improves the states of the last step by a few cycles: every flow needs"
            " gradient: {name: layer-parallel, options: {warm: true}}"
        )
    return found
