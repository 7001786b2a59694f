"""Gradient ascent that looks for growth beyond what a certificate says."""

import torch
from torch import Tensor
from torch.func import jacrev, vmap

from pdebridge.dynamics.field import Field
from pdebridge.integrators.base import State
from pdebridge.integrators.march import fields
from pdebridge.networks.flow import Flow

SIZES = (1e-6, 1e-2, 1.0, 10.0)  # of states and of perturbations: derivatives, and differences of far states


def growth(flow: Flow, u: Tensor, iterations: int, rate: float = 0.3, weights: bool = True) -> Tensor:
    """Climb ``|f(u + d) - f(u)| / |d|`` in states, perturbations and weights; return the largest found of each pair.

    The bound is that of the weights at the end, so the ratios are those of the end too.
    """
    torch.manual_seed(0)
    many = [u.shape[0] * len(SIZES), *u.shape[1:]]
    scale = torch.tensor(SIZES, dtype=u.dtype).repeat_interleave(u.shape[0]).view(-1, *(1,) * (u.ndim - 1))
    states = (scale.flip(0) * torch.randn(many, dtype=u.dtype)).requires_grad_()
    moves = torch.randn(many, dtype=u.dtype).requires_grad_()

    def logarithms() -> Tensor:
        d = scale * moves
        ratio = (flow(states + d) - flow(states)).flatten(1).norm(dim=1) / d.flatten(1).norm(dim=1)
        return ratio.clamp_min(1e-30).log()

    groups = [{"params": [states], "lr": rate}, {"params": [moves], "lr": rate}]
    groups += [{"params": list(flow.control.parameters()), "lr": 0.03}] if weights else []
    optimiser = torch.optim.Adam(groups, maximize=True)
    best = logarithms().detach()
    for _ in range(iterations):
        optimiser.zero_grad()
        logarithms().sum().backward()
        optimiser.step()
        now = logarithms().detach()
        best = now if weights else torch.maximum(best, now)
    return best.exp()


def spectral_radius(flow: Flow, u: Tensor) -> float:
    """Return the largest modulus of an eigenvalue of a step whose weights and slopes are frozen at states of all sizes.

    The step is taken with the linear field ``v -> dF/du v`` in place of ``F``; its parts are frozen at states of their
    own, and the two-step rule is past its first step.
    """
    step, largest = flow.integrator, 0.0
    theta = [w.detach() for w in flow.control.sample(flow.steps, step.abscissae)]
    start = step.start(torch.cat([size * u for size in SIZES]))
    for F in fields(step, flow.dynamics, theta, flow.steps, flow.h):
        for c in step.abscissae:
            frozen = Frozen(F, c, start)
            n, m = len(start[0]), start[0][0].numel()
            basis = torch.eye(len(start) * m, dtype=u.dtype).expand(n, -1, -1)
            after = step.step(frozen, tuple(basis[..., i * m : (i + 1) * m] for i in range(len(start))), flow.h)
            largest = max(largest, float(torch.linalg.eigvals(torch.cat(after, dim=-1)).abs().max()))
    return largest


class Frozen:
    """The linear field of the Jacobians of a field at the fraction ``c`` of its step."""

    def __init__(self, F: Field, c: float, states: State) -> None:
        self.k = 1
        parts = range(2) if F.dynamics.structure in ("partitioned", "augmented") else range(1)
        self.J = [self.jacobian(F, c, part, states[-1 - part] + (0.1 if part else 0.0)) for part in parts]

    def jacobian(self, F: Field, c: float, part: int, u: Tensor) -> Tensor:
        return vmap(jacrev(lambda v: F(v[None], c, part)[0].flatten()))(u).flatten(2)

    def __call__(self, v: Tensor, c: float = 0.0, part: int = 0) -> Tensor:
        return v @ self.J[part].mT
