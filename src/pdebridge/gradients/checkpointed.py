"""Checkpointing: some states are stored, the layers between them are computed twice (Chen et al., 2016)."""

import math
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from pdebridge.dynamics.base import Dynamics, Theta
from pdebridge.dynamics.normalisation import Recomputing
from pdebridge.integrators.base import Integrator, State
from pdebridge.integrators.march import advance


def once_and_again() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """Return the contexts of a segment's first and second evaluation."""
    return nullcontext(), Recomputing()


class Checkpointed:
    """Store the state before every ``every``-th step; recompute a segment when its derivative is due.

    Memory of ``N/every`` states and ``every`` layer graphs, least at ``every = sqrt(N)``; work ``4 N`` evaluations
    against ``3 N`` of the stored gradient. Fits every integrator.

    Args:
        every: steps between stored states; default ``ceil(sqrt(N))``.

    Raises:
        ValueError: ``every`` is less than one.
    """

    def __init__(self, every: int | None = None) -> None:
        if every is not None and every < 1:
            raise ValueError(f"a state is stored every 1, 2, ... steps, not every {every}")
        self.every = every

    @torch.compiler.disable  # a compiled model runs the block as it is
    def __call__(
        self, integrator: Integrator, dynamics: Dynamics, theta: Theta, u: Tensor, steps: int, h: float
    ) -> Tensor:
        """Integrate ``steps`` steps of size ``h`` from ``u``; the arguments are those of ``stored``."""
        every = self.every or math.ceil(math.sqrt(steps))
        state = integrator.start(u)
        for k in range(0, steps, every):
            segment = tuple(w[k : k + every] for w in theta)
            state = self._segment(integrator, dynamics, segment, state, min(every, steps - k), h, k)
        return integrator.finish(state)

    @staticmethod
    def _segment(
        integrator: Integrator, dynamics: Dynamics, theta: Theta, state: State, steps: int, h: float, first: int
    ) -> State:
        def run(*tensors: Tensor) -> State:
            n = len(state)
            return advance(integrator, dynamics, tensors[n:], tensors[:n], steps, h, first)

        repeated = checkpoint(
            run,
            *state,
            *theta,
            use_reentrant=False,
            preserve_rng_state=dynamics.stochastic,
            context_fn=once_and_again,
        )
        return tuple(repeated)
