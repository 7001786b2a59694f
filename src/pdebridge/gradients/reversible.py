"""The reversible gradient: the final state is stored, the others are recomputed on the way back.

Gomez et al. (NeurIPS 2017), Chang et al. (AAAI 2018).
"""

import warnings
from typing import ClassVar

import torch
from torch import Tensor

from pdebridge.cube import known
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
    ``||u_0 recovered - u_0|| / ||u_0||`` of the last backward pass. The pass that finds it above `bound` says so, and
    that gradient is computed again from the first state, by checkpointing, which this block uses from then on; or it
    raises, or goes on with a warning alone. While a CUDA graph is recorded nobody can look: the next call does.

    Args:
        bound: largest error that is accepted.
        beyond: ``recompute``, ``raise`` or ``warn``.

    Raises:
        ValueError: `beyond` is none of these.
    """

    reverses: ClassVar[bool] = True

    def __init__(self, bound: float = 1e-2, beyond: str = "recompute") -> None:
        known(
            beyond, dict.fromkeys(("recompute", "raise", "warn")), "answer of reversible to an error beyond the bound"
        )
        self.bound, self.beyond = bound, beyond
        self.error: Tensor | None = None
        self.fallback = Checkpointed()
        self.warned = False

    @torch.compiler.disable  # type: ignore[untyped-decorator]  # a compiled model runs the block as it is
    def __call__(
        self, integrator: Integrator, dynamics: Dynamics, theta: Theta, u: Tensor, steps: int, h: float
    ) -> Tensor:
        """Integrate ``steps`` steps of size ``h`` from ``u``; the arguments are those of ``stored``."""
        if not self.fallen and not self.warned and self.error is not None and not capturing(self.error):
            self.judge(steps, h)
        if self.fallen:
            return self.fallback(integrator, dynamics, theta, u, steps, h)
        return super().__call__(integrator, dynamics, theta, u, steps, h)

    def onwards(self, block: Block, state: State, sums: WeightSums) -> tuple[State, tuple[State, State]]:
        """Return the last state, and the first one too, for comparison alone."""
        end = block.advance(state, 0, block.steps)
        return end, (state, end)

    def backwards(self, block: Block, memory: tuple[State, State], sums: WeightSums, g: State) -> State:
        """Recompute the states from the last one, each step giving its part of the gradient."""
        start, state = memory
        last = g
        for k in reversed(range(block.steps)):
            state, g = block.integrator.pullback(block.adjoint_field(k, sums), state, g, block.h)
        self.observe(block.integrator.finish(state), block.integrator.finish(start))
        assert self.error is not None
        if capturing(self.error) or not self.judge(block.steps, block.h):
            return g
        for total in sums.totals:
            if total is not None:
                total.zero_()
        _, held = self.fallback.onwards(block, start, sums)
        return self.fallback.backwards(block, held, sums, last)

    def judge(self, steps: int, h: float) -> bool:
        """Tell whether the last pass has to be computed again; warn or raise where its error is beyond the bound.

        Raises:
            ArithmeticError: it is, and so it was wanted.
        """
        if self.error is None or self.error <= self.bound:
            return False
        found = (
            f"recomputed features are wrong by {float(self.error):.1e}, more than {self.bound:.1e}, in this block of "
            f"{steps} steps of h = {h:g} (smaller steps or float64 reverse better)"
        )
        if self.beyond == "raise":
            raise ArithmeticError(found)
        if self.beyond == "recompute":
            self.fallen = True
        if not self.warned:
            ending = "it is checkpointed, in this pass and from now on" if self.fallen else "its gradient is as wrong"
            warnings.warn(f"{found}; {ending}", stacklevel=2)
        self.warned = True
        return self.fallen

    def observe(self, recovered: Tensor, u: Tensor) -> None:
        """Note the error of a recovery, on the device."""
        scale = torch.linalg.vector_norm(u)
        self.error = torch.linalg.vector_norm(recovered - u) / scale.where(scale > 0, 1.0)


def capturing(u: Tensor) -> bool:
    """Tell whether a CUDA graph is being recorded, in which no number can be read."""
    return u.is_cuda and torch.cuda.is_current_stream_capturing()
