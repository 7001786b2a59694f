"""Memory and work of every gradient mode against the number of steps, beside their formulas."""

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor

from pdebridge.bench.gradients import training_step
from pdebridge.dynamics.base import Instant, Sums, Theta, Transpose
from pdebridge.dynamics.control import Constant
from pdebridge.dynamics.perceptron import Perceptron
from pdebridge.gradients.allocation import peak_bytes
from pdebridge.gradients.binomial import advances
from pdebridge.gradients.checkpointed import Checkpointed, Revolve
from pdebridge.gradients.frozen_steps import FrozenSteps
from pdebridge.gradients.reverse_time import ReverseTime
from pdebridge.gradients.reversible import Reversible
from pdebridge.gradients.stored import stored
from pdebridge.gradients.taped import Taped
from pdebridge.integrators.base import Integrator
from pdebridge.integrators.dormand_prince import STAGES, DormandPrince
from pdebridge.integrators.euler import ForwardEuler
from pdebridge.integrators.midpoint import Midpoint
from pdebridge.integrators.paired import PairedRK4
from pdebridge.integrators.runge_kutta import RK4
from pdebridge.networks.flow import Flow, Gradient
from pdebridge.studies.curve import Curve

WIDTH, BATCH = 64, 64
STEPS = (8, 24, 64)
ROUNDS = 3  # of the timing, the shortest counts
SLOTS = 8
STATE = 4 * BATCH * WIDTH  # bytes Z
LAYERS = 3
GRAPH = LAYERS * STATE  # bytes M of one evaluation: the inputs of its three layers
WEIGHTS = 4 * LAYERS * (WIDTH**2 + WIDTH)  # bytes G
PUSHED = 2  # evaluations that a cotangent pulled through one costs
# steps and slots whose binomial schedules are tabulated
SCHEDULES = {40: (4, 8, 16), 100: (4, 8, 16), 256: (4, 8, 16), 1024: (4, 8, 16, 32)}


def ways() -> dict[str, tuple[Integrator, Gradient]]:
    """Return the modes by name, each with an integrator that it fits."""
    return {
        "stored": (RK4(), stored),
        "taped": (RK4(), Taped()),
        "per-step": (RK4(), Checkpointed(1)),
        "per-root": (RK4(), Checkpointed()),
        "per-block": (RK4(), Checkpointed("block")),
        "revolve": (RK4(), Revolve(SLOTS)),
        "adjoint": (RK4(), ReverseTime()),
        "replay": (DormandPrince(1e-3), FrozenSteps()),
        "reversible": (Midpoint(), Reversible()),
        "reversible-form": (PairedRK4(), Reversible()),
    }


class Counted(Perceptron):
    """A perceptron that counts what is asked of it, a cotangent pulled back as two evaluations.

    Args:
        width: of its input and of its two hidden layers.
    """

    def __init__(self, width: int) -> None:
        super().__init__(width, width, LAYERS - 1, time=False)
        self.evaluations, self.pulled = 0, 0

    closed_form = Perceptron.closed_form  # counting changes no value

    @property
    def work(self) -> int:
        """Return the evaluations so far."""
        return self.evaluations + PUSHED * self.pulled

    def pull(self, g: Tensor) -> None:
        """Count a cotangent that autograd brings."""
        self.pulled += 1

    def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
        """Count and return ``F(u)``."""
        self.evaluations += 1
        f = super().forward(u, theta, at, part)
        if f.requires_grad:
            f.register_hook(self.pull)
        return f

    def linearise(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> tuple[Tensor, Transpose]:
        """Count and return ``F(u)`` and its adjoint."""
        self.evaluations += 1
        f, transpose = super().linearise(u, theta, at, part)

        def counted(g: Tensor, sums: Sums, scale: float) -> Tensor:
            self.pulled += 1
            return transpose(g, sums, scale)

        return f, counted


def modes() -> list[Curve]:
    """Return a curve a mode, for forward and backward passes over a 64-64-64 tanh perceptron, float32, one thread.

    - ``bytes``: most bytes alive at once among the tensors that the passes make; ``formula/bytes``: see `memory`.
    - ``work``: evaluations of ``F`` per stage of the ``N`` steps, a cotangent pulled through one counting as two;
      ``formula/work``: see `work`.
    - ``seconds``: CPU time; ``seconds/stage``: per stage of a step.

    All have RK4 but for `replay`, whose adaptive method makes one step an interval here, and `reversible` with the
    two-step midpoint rule, and `reversible-form`, the reversible form of RK4 with its eight stages.
    """
    return [Curve(f"mode/{name}", "N", {N: measured(name, N) for N in STEPS}) for name in ways()]


def measured(name: str, steps: int) -> dict[str, float]:
    """Return the figures of one mode."""
    integrator, mode = ways()[name]
    torch.manual_seed(0)
    F = Counted(WIDTH)
    step = training_step(Flow(F, Constant(F), integrator, mode, steps, 1.0), torch.randn(BATCH, WIDTH))
    step()
    done = F.work
    seconds = min(duration(step) for _ in range(ROUNDS))
    return {
        "bytes": peak_bytes(step),
        "formula/bytes": memory(name, steps),
        "work": done / (steps * integrator.stages),
        "formula/work": work(name, steps),
        "seconds": seconds,
        "seconds/stage": seconds / (steps * integrator.stages),
    }


def duration(step: Callable[[], None]) -> float:
    """Return the CPU seconds of one step."""
    started = time.thread_time()
    step()
    return time.thread_time() - started


def memory(name: str, N: int) -> float:
    """Return the bytes of states ``Z``, linearised evaluations ``M`` and weights' gradients ``G`` at the peak.

    ``s`` stages: `stored`, `taped` and `per-block` ``N s M``; `per-step` ``N Z + s M``; `per-root`
    ``ceil(N/m) Z + m s M`` with ``m = ceil(sqrt(N))``; `revolve` ``c Z + s M``; `adjoint`, whose Runge-Kutta method
    holds ``s + 2`` vectors of state, cotangent and gradient, ``Z + (s + 2) (2 Z + G) + M``; `replay` ``N Z + s M``;
    `reversible`, whose state is two tensors, ``4 Z + M``: the last state, kept from the pass forth, and the present
    one; `reversible-form` ``6 Z + s/2 M``, with the state before and one of its two steps of RK4 at a time. The
    gradient of the weights comes on top, and `cotangents`.
    """
    s, m = ways()[name][0].stages, math.ceil(math.sqrt(N))
    return (
        WEIGHTS
        + cotangents(name)
        + {
            "stored": N * s * GRAPH,
            "taped": N * s * GRAPH,
            "per-step": N * STATE + s * GRAPH,
            "per-root": math.ceil(N / m) * STATE + m * s * GRAPH,
            "per-block": N * s * GRAPH,
            "revolve": min(N, SLOTS) * STATE + s * GRAPH,
            "adjoint": STATE + (s + 2) * (2 * STATE + WEIGHTS) + GRAPH,
            "replay": N * STATE + s * GRAPH,
            "reversible": 4 * STATE + GRAPH,
            "reversible-form": 6 * STATE + s // 2 * GRAPH,
        }[name]
    )


def cotangents(name: str) -> float:
    """Return the bytes of the cotangents that are alive within a step of the way back.

    Those of the last and of the present state, of the ``s - 1`` other stages, and one a layer of ``F``. `adjoint` has
    the present one and the stages' in its vectors. `stored` meets its peak before there are any.
    """
    if name == "stored":
        return 0.0
    if name == "adjoint":
        return STATE * (1 + LAYERS)
    tensors = 2 if name.startswith("reversible") else 1
    stages = ways()[name][0].stages // (2 if name == "reversible-form" else 1)
    return STATE * (2 * tensors + stages - 1 + LAYERS)


def work(name: str, N: int) -> float:
    """Return evaluations per stage: 3 for storing, one more for each time that a step is taken again.

    `revolve` takes ``r N - C(c + r, c + 1) + 1`` plain steps besides; `replay` has two evaluations an interval to
    find the first step size.
    """
    if name in ("stored", "taped"):
        return 3.0
    if name == "revolve":
        return 3 + (advances(N, SLOTS) + 1) / N
    return 4 + 2 / STAGES if name == "replay" else 4.0


def revolve() -> list[Curve]:
    """Return ``steps/forward``: the plain steps of binomial checkpointing, without the one that ends the pass forth."""
    return [
        Curve(f"revolve/c={c}", "N", {N: plain(N, c) for N, slots in SCHEDULES.items() if c in slots})
        for c in SCHEDULES[1024]
    ]


def plain(steps: int, c: int) -> dict[str, float]:
    """Count the plain steps of one schedule; every step is linearised once besides."""
    F = Counted(1)
    Flow(F, Constant(F), ForwardEuler(), Revolve(c), steps, 1.0)(torch.zeros(1, 1)).sum().backward()
    return {"steps/forward": F.evaluations - steps - 1}
