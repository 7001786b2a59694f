"""The reversible gradient: the final state is stored, the others are recomputed on the way back.

Gomez et al. (NeurIPS 2017), Chang et al. (AAAI 2018).
"""

import warnings
from typing import ClassVar

import torch
from torch import Tensor

from pdebridge.dynamics.base import Dynamics, Theta
from pdebridge.gradients.checkpointed import Checkpointed
from pdebridge.gradients.mode import Block, Mode
from pdebridge.gradients.sums import WeightSums
from pdebridge.integrators.base import Integrator, State


class Reversible(Mode):
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

    @torch.compiler.disable  # a compiled model runs the block as it is
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
        return super().__call__(integrator, dynamics, theta, u, steps, h)

    def onwards(self, block: Block, state: State, sums: WeightSums) -> tuple[State, tuple[State, State]]:
        """Return the last state, and the first one too, for comparison alone."""
        end = block.advance(state, 0, block.steps)
        return end, (state, end)

    def backwards(self, block: Block, memory: tuple[State, State], sums: WeightSums, g: State) -> State:
        """Recompute the states from the last one, each step giving its part of the gradient."""
        start, state = memory
        for k in reversed(range(block.steps)):
            state, g = block.integrator.pullback(block.adjoint_field(k, sums), state, g, block.h)
        self.observe(block.integrator.finish(state), block.integrator.finish(start))
        return g

    def observe(self, recovered: Tensor, u: Tensor) -> None:
        """Note the error of a recovery, on the device."""
        scale = torch.linalg.vector_norm(u)
        self.error = torch.linalg.vector_norm(recovered - u) / scale.where(scale > 0, 1.0)
