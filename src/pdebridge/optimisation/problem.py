"""Training as an optimal control problem, as the methods of this room are shown it."""

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.optim import Optimizer


class Problem(NamedTuple):
    """``min over theta, W of J = mean loss(W u_N, c) + R(theta) + beta/2 |W|^2``, subject to the steps of the flow.

    ``u_{k+1} = Phi_k(u_k, theta_k)``: the features are states, the weights of the layers the control (E 2017; Haber &
    Ruthotto 2017, section 2).
    """

    net: nn.Module
    x: Tensor
    """Inputs of a batch."""
    c: Tensor
    """Their labels."""
    objective: Callable[[Tensor, Tensor], Tensor]
    """``J`` from logits ``(batch, classes)`` and labels, with all penalties."""

    def closure(self) -> Any:  # a tensor, where torch's optimisers declare a float
        """Return ``J`` at the present weights and leave its gradient in them."""
        self.net.zero_grad()
        value = self.objective(self.net(self.x), self.c)
        value.backward()
        return value


class ControlMethod(Optimizer):
    """An optimiser that sees the network and the batch of each step, beside the closure that every optimiser gets.

    The closure returns ``J`` at the present weights and leaves its gradient in them.
    """

    problem: Problem
