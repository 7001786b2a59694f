"""The method of successive approximations for weights of two or three values (Li & Hao, ICML 2018)."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import hardshrink
from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import LambdaLR


class DiscreteMSA(Optimizer):
    """Maximise ``H_t(x_t, p_{t+1}, theta) = p_{t+1} . theta x_t`` of every linear layer over a finite set of weights.

    The maximum over one batch is the sign of ``M_t = sum_i p_{t+1,i} x_{t,i}^T``, which is minus the gradient of the
    loss. A layer follows it slowly: ``Mbar <- alpha Mbar + (1 - alpha) M``, and only where ``|Mbar|`` is a share
    ``rho`` of the largest one of the weights that disagree with it (algorithm 2). Weights stay in their set without
    hidden real ones. All that is no linear layer's weight, scale and shift of normalisations, takes a step of Adam.

    The rate of the first group is ``1 - alpha``, so that a schedule of rates is one of ``alpha``.

    Args:
        net: its linear layers have weights in `values`.
        rho: of the threshold, in [0, 1): the larger, the fewer weights change.
        average: ``alpha``, in [0, 1).
        lr: rate of Adam.

    Raises:
        ValueError: a weight has another value.
    """

    values: tuple[float, ...]

    def __init__(self, net: nn.Module, rho: float, average: float = 0.999, lr: float = 1e-3) -> None:
        weights = [m.weight for m in net.modules() if isinstance(m, nn.Linear)]
        self.check(weights)
        mine = {id(w) for w in weights}
        others = [p for p in net.parameters() if id(p) not in mine and p.requires_grad]
        super().__init__([{"params": weights, "lr": 1 - average}], {"rho": rho})
        self.adam = Adam(others, lr) if others else None

    def check(self, weights: list[Tensor]) -> None:
        """Refuse weights outside the set."""
        allowed = torch.tensor(self.values)
        if not weights or not all(torch.isin(w.detach().cpu().float(), allowed).all() for w in weights):
            values = ", ".join(f"{v:g}" for v in self.values)
            raise ValueError(f"{type(self).__name__} needs linear layers whose weights are in {{{values}}}")

    @abstractmethod
    def maximise(self, theta: Tensor, g: Tensor, rho: float) -> Tensor:
        """Return the new weights of a layer from its weights and ``g = -Mbar``."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor]) -> Tensor:  # type: ignore[override]
        """Take one step and return the objective before it; `closure` computes it and its gradient."""
        with torch.enable_grad():
            value = closure()
        (group,) = self.param_groups
        for theta in group["params"]:
            if theta.grad is None:
                continue
            memory = self.state[theta]
            if not memory:
                memory["g"] = torch.zeros_like(theta)
            memory["g"].lerp_(theta.grad, group["lr"])
            theta.copy_(self.maximise(theta, memory["g"], group["rho"]))
        if self.adam:
            self.adam.step()
        return value

    def state_dict(self) -> dict[str, Any]:
        """Return the averages and Adam's state."""
        return super().state_dict() | {"adam": self.adam.state_dict() if self.adam else None}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore both."""
        super().load_state_dict(state_dict)
        if self.adam:
            self.adam.load_state_dict(state_dict["adam"])


class BinaryMSA(DiscreteMSA):
    """Weights in {-1, 1}: ``theta <- sign Mbar`` where ``|Mbar| > rho max {|Mbar_kl| : sign Mbar_kl != theta_kl}``."""

    values = (-1.0, 1.0)

    def maximise(self, theta: Tensor, g: Tensor, rho: float) -> Tensor:
        """Return the weights with the most wrong ones reversed: ``theta g`` is positive where they are wrong."""
        wrong = theta * g
        reversed_ = wrong.gt_(rho * wrong.max().clamp_min(0))  # as 0 and 1: five times faster than torch.where
        return reversed_.mul_(-2).add_(1).mul_(theta)


class TernaryMSA(DiscreteMSA):
    """Weights in {-1, 0, 1} with ``-lambda |theta|`` in the Hamiltonian (eq. 21, section 4.2).

    ``1`` where ``Mbar > rho_k (1 - 2 theta) + lambda``, ``-1`` where ``Mbar < -rho_k (1 + 2 theta) - lambda``, else
    ``0``, with ``rho_k = rho max {|Mbar_kl| : sign Mbar_kl != theta_kl}``: in one line, the sign of
    ``Mbar + 2 rho_k theta`` where that exceeds ``rho_k + lambda`` in magnitude.

    Args:
        net: as in `DiscreteMSA`.
        rho: likewise.
        sparsity: ``lambda``, for a loss that is the mean over the batch.
        options: as in `DiscreteMSA`.
    """

    values = (-1.0, 0.0, 1.0)

    def __init__(self, net: nn.Module, rho: float, sparsity: float = 1e-7, **options: Any) -> None:
        super().__init__(net, rho, **options)
        self.sparsity = sparsity

    def maximise(self, theta: Tensor, g: Tensor, rho: float) -> Tensor:
        """Return the new weights."""
        wrong = (theta + g.sign()).ne_(0).mul_(g.abs())
        bound = rho * float(wrong.max())
        return hardshrink(torch.sub(2 * bound * theta, g), bound + self.sparsity).sign_()


def slower(method: DiscreteMSA, decay: float) -> LambdaLR:
    """Return the published schedule: ``1 - alpha`` is multiplied by `decay` after every epoch."""
    return LambdaLR(method, lambda epoch: decay**epoch)
