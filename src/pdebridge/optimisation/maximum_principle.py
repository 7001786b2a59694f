"""The method of successive approximations and its extended form (Li, Chen, Tai & E, JMLR 18, 2018)."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from pdebridge.dynamics.control import PiecewiseConstant
from pdebridge.dynamics.normalisation import repeatable
from pdebridge.networks.classifier import FlowClassifier
from pdebridge.networks.flow import Flow
from pdebridge.optimisation.batched_quasi_newton import evaluate, minimise
from pdebridge.optimisation.hamiltonians import Layers, Opening, Recorder, Stage, Terminal
from pdebridge.optimisation.problem import ControlMethod


class Penalties(NamedTuple):
    """The running costs ``R_k``, and that of the classifier; their weights are those in the objective."""

    tikhonov: float = 0.0
    smoothness: float = 0.0
    decay: float = 0.0


NONE = Penalties()


class MaximumPrinciple(ControlMethod):
    """Maximise the (augmented) Hamiltonians of all stages at the states and costates of the present weights.

    An iteration is a pass onwards for the states, a pass back for the costates, and then, for all layers side by side
    and for opening and classifier beside them, ``theta_k <- argmax H~_k`` by some iterations of L-BFGS from the
    present weights. Without ``rho`` this is MSA, which may diverge: the new weights are optimal for states that they
    do not have. With ``rho`` it is E-MSA, whose every iteration decreases the objective if ``rho`` is large enough (the
    paper's theorem 3: the error in the states of a new control is bounded by the two residuals that ``rho`` weighs).

    One gradient step on every Hamiltonian in place of the maximum is gradient descent.

    Args:
        net: opening, a flow with weights of its own in every step, classifier.
        rho: of the augmentation (`Layers`).
        iterations: of L-BFGS on each Hamiltonian.
        lr: step length of the gradient step that takes the place of L-BFGS.
        penalties: weights of the terms of the objective that depend on the control alone.

    Raises:
        ValueError: the network has another form, or a step that depends on more than its own state and weights.
    """

    def __init__(
        self,
        net: nn.Module,
        rho: float = 0.0,
        iterations: int = 10,
        lr: float | None = None,
        penalties: Penalties = NONE,
    ) -> None:
        if not isinstance(net, FlowClassifier):
            raise ValueError(
                f"the maximum principle needs an opening, one flow, a classifier; not {type(net).__name__}"
            )
        check(net.flow)
        super().__init__(net.parameters(), {})
        self.net, self.rho, self.iterations, self.lr, self.penalties = net, rho, iterations, lr, penalties

    def step(self, closure: Callable[[], Tensor]) -> Tensor:  # type: ignore[override]
        """Take one iteration and return the objective before it."""
        recorder = Recorder()
        value = self.recorded(closure, recorder)
        stages = self.stages(recorder)
        # all are evaluated before any is written: each sees the others as they were
        for stage, rows in [(stage, self.maximise(stage)) for stage in stages]:
            stage.place(rows)
        return value

    def recorded(self, closure: Callable[[], Tensor], recorder: Recorder) -> Tensor:
        """Return the objective; its pass leaves states and costates in the recorder."""
        flow = self.net.flow
        gradient, flow.gradient = flow.gradient, recorder
        try:
            with torch.enable_grad():
                return closure()
        finally:
            flow.gradient = gradient

    def stages(self, recorder: Recorder) -> list[Stage]:
        """Return the Hamiltonians at the recorded states and costates."""
        net, penalties, trajectory = self.net, self.penalties, recorder.trajectory()
        stages: list[Stage] = [
            Layers(net, trajectory, self.rho, penalties.tikhonov, penalties.smoothness),
            Terminal(net, self.problem, trajectory, self.rho, penalties.decay),
        ]
        if any(True for _ in net.opening.parameters()):
            stages.append(Opening(net, self.problem.x, recorder.u, self.rho))
        return stages

    def maximise(self, stage: Stage) -> Tensor:
        """Return the new weights of stages that are maximised side by side."""
        rows = stage.rows()
        if self.lr is not None:
            return rows - self.lr * evaluate(stage, rows).gradient
        return minimise(stage, rows, self.iterations)


def check(flow: Flow) -> None:
    """Refuse a flow whose layers have no Hamiltonians of their own."""
    if type(flow.control) is not PiecewiseConstant or any(len(w) != flow.steps for w in flow.control.coefficients):
        raise ValueError(
            "the maximum principle needs weights of every step's own: control piecewise-constant with a weight a step,"
            f" not {type(flow.control).__name__}"
        )
    if not flow.integrator.one_step:
        raise ValueError(
            f"the maximum principle needs a one-step method of fixed steps, not {type(flow.integrator).__name__}"
        )
    if not repeatable(flow.dynamics):
        raise ValueError(
            f"the maximum principle evaluates every layer many times, where {type(flow.dynamics).__name__} has random"
            " numbers or batch statistics"
        )
