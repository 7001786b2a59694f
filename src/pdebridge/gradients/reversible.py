"""The reversible gradient: the final state is stored, the others are recomputed on the way back.

Gomez et al. (NeurIPS 2017), Chang et al. (AAAI 2018).
"""

import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from pdebridge.dynamics.base import Dynamics, Theta
from pdebridge.dynamics.field import AdjointField
from pdebridge.dynamics.normalisation import Recomputing
from pdebridge.gradients.checkpointed import Checkpointed
from pdebridge.gradients.replay import Replay
from pdebridge.integrators.base import Integrator, State
from pdebridge.integrators.march import advance, layers


@dataclass(frozen=True)
class Block:
    """Everything that a pass over a block needs besides tensors."""

    integrator: Integrator
    dynamics: Dynamics
    steps: int
    h: float
    states: int
    autocast: torch.autocast
    mode: "Reversible"

    def backwards(self, theta: Theta, sums: tuple[Tensor | None, ...], state: State, g: State) -> tuple[State, State]:
        """Return the first state and its cotangent; add the cotangents of the weights to ``sums``."""
        rows = layers(theta, self.steps)
        with Recomputing(), self.autocast:
            for k in reversed(range(self.steps)):
                totals = tuple(None if total is None else total[k] for total in sums)
                F = AdjointField(self.dynamics, rows[k], self.integrator.abscissae, k, self.h, totals)
                state, g = self.integrator.pullback(F, state, g, self.h)
        return state, g


class Reversal(torch.autograd.Function):
    """A block of ``N`` steps as one node of the graph, with the weights among its inputs."""

    @staticmethod
    def forward(ctx: Any, block: Block, *tensors: Tensor) -> State:
        """Run the block without a graph and keep its last state; ``tensors`` are the state and the weights."""
        theta = tensors[block.states + 1 :]
        end = advance(block.integrator, block.dynamics, theta, tensors[: block.states], block.steps, block.h)
        ctx.block = block
        ctx.save_for_backward(*end, *tensors[block.states :])
        return end

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *g: Tensor) -> tuple[Tensor | None, ...]:
        """Recompute the states from the last one, each step giving its part of the gradient."""
        block: Block = ctx.block
        end, (u, *theta) = ctx.saved_tensors[: block.states], ctx.saved_tensors[block.states :]
        wanted = ctx.needs_input_grad[block.states + 2 :]  # after the block, the states and u
        sums = tuple(torch.zeros_like(w) if want else None for w, want in zip(theta, wanted, strict=True))
        start, g = block.backwards(theta, sums, end, g)
        block.mode.observe(block.integrator.finish(start), u)
        return None, *g, None, *sums


class Reversible:
    """Store the last state of a block, recover the others by inverse steps while the gradient flows back.

    Activation memory of one state and one layer graph, whatever ``N``; work ``4 N`` evaluations against ``3 N`` of
    the stored gradient: the evaluation that undoes an update also serves its derivative. Fits integrators with an
    inverse. States and updates stay in the precision of ``u``; under autocast only ``F`` is in the lower one.

    Rounding grows in the recovery, at worst exponentially. `error` is the relative error
    ``||u_0 recovered - u_0|| / ||u_0||`` of the last backward pass; once it is above `bound`, this block warns and
    uses checkpointing from then on.

    Args:
        bound: largest error that is accepted.
    """

    reverses: ClassVar[bool] = True

    def __init__(self, bound: float = 1e-2) -> None:
        self.bound = bound
        self.error: Tensor | None = None
        self.fallback: Checkpointed | None = None

    @torch.compiler.disable  # a compiled model runs the block as it is: its backward pass builds graphs
    def __call__(
        self, integrator: Integrator, dynamics: Dynamics, theta: Theta, u: Tensor, steps: int, h: float
    ) -> Tensor:
        """Integrate ``steps`` steps of size ``h`` from ``u``; the arguments are those of ``stored``."""
        if self.fallback is None and self.error is not None and not self.error <= self.bound:
            warnings.warn(
                f"recomputed features are wrong by {float(self.error):.1e}, more than {self.bound:.1e}; this block of "
                f"{steps} steps of h = {h:g} is checkpointed from now on (smaller steps or float64 reverse better)",
                stacklevel=2,
            )
            self.fallback = Checkpointed()
        if self.fallback:
            return self.fallback(integrator, dynamics, theta, u, steps, h)
        return self.reverse(integrator, dynamics, theta, u, steps, h)

    def reverse(
        self, integrator: Integrator, dynamics: Dynamics, theta: Theta, u: Tensor, steps: int, h: float
    ) -> Tensor:
        """Integrate with the reversible gradient."""
        state = integrator.start(u)
        autocast = torch.autocast(
            u.device.type,
            dtype=torch.get_autocast_dtype(u.device.type),
            enabled=torch.is_autocast_enabled(u.device.type),
            cache_enabled=False,  # it would keep a copy of every layer's weights until the end of the block
        )
        F = Replay(dynamics) if dynamics.stochastic else dynamics
        block = Block(integrator, F, steps, h, len(state), autocast, self)
        return integrator.finish(Reversal.apply(block, *state, u.detach(), *theta))

    def observe(self, recovered: Tensor, u: Tensor) -> None:
        """Note the error of a recovery, on the device."""
        scale = torch.linalg.vector_norm(u)
        self.error = torch.linalg.vector_norm(recovered - u) / scale.where(scale > 0, 1.0)
