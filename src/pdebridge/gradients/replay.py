"""Random numbers that a recomputation draws again."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from pdebridge.dynamics.base import Dynamics, Instant, Theta


class Replay(Dynamics):
    """A stochastic right-hand side that draws the same numbers each time it is evaluated at the same instant.

    The states of the generators are kept before the first evaluation at every ``(k, c, part)`` and restored for
    later ones; the caller's random numbers are not disturbed.

    Args:
        dynamics: the right-hand side.
    """

    def __init__(self, dynamics: Dynamics) -> None:
        super().__init__()
        self.dynamics, self.structure = dynamics, dynamics.structure
        self.states: dict[tuple[int, float, int], tuple[Tensor, Tensor | None]] = {}

    def initial(self) -> dict[str, Tensor]:
        """Draw the weights of the right-hand side."""
        return self.dynamics.initial()

    def symbol(self, u: Tensor, theta: Theta) -> Tensor:
        """Return the eigenvalues of the linear part, in which there is no chance."""
        return self.dynamics.symbol(u, theta)

    def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
        """Return ``F(t, u; theta)``, with the random numbers of the first evaluation at ``(k, c, part)``."""
        key = (at.k, at.c, part)
        if key in self.states:
            with restored(*self.states[key], u.device):
                return self.dynamics(u, theta, at, part)
        self.states[key] = torch.get_rng_state(), torch.cuda.get_rng_state(u.device) if u.is_cuda else None
        return self.dynamics(u, theta, at, part)


@contextmanager
def restored(cpu: Tensor, cuda: Tensor | None, device: torch.device) -> Iterator[None]:
    """Run with the given states of the generators, then put back the present ones."""
    with torch.random.fork_rng(devices=[device] if cuda is not None else []):
        torch.set_rng_state(cpu)
        if cuda is not None:
            torch.cuda.set_rng_state(cuda, device)
        yield
