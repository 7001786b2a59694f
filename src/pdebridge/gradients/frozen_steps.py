"""The gradient of an adaptive solution: its accepted steps, differentiated with their sizes frozen.

Zhuang et al., Adaptive checkpoint adjoint (ICML 2020).
"""

from pdebridge.dynamics.base import Dynamics
from pdebridge.dynamics.field import Portion
from pdebridge.gradients.mode import Block, Mode
from pdebridge.gradients.sums import WeightSums
from pdebridge.integrators.base import Integrator, State
from pdebridge.integrators.dormand_prince import SCHEME, STAGES, Accepted, DormandPrince

Solved = list[list[Accepted]]


class FrozenSteps(Mode):
    """Solve with step size control, keep the state before every accepted step, linearise each again when it is due.

    Exact for the scheme with the accepted step sizes; what the sizes owe to the weights is left out, as in every
    library. Rejected attempts leave no trace. Memory of a state a step and one linearisation; work ``4`` evaluations
    a stage of an accepted step and ``1`` of a rejected one.
    """

    holds_end = False

    def check(self, integrator: Integrator, dynamics: Dynamics) -> None:
        """Refuse integrators of fixed steps."""
        if not isinstance(integrator, DormandPrince):
            raise ValueError(
                f"replay differentiates the accepted steps of dopri5; {type(integrator).__name__} has fixed steps, for "
                "which checkpointed is the same"
            )

    def onwards(self, block: Block, state: State, sums: WeightSums) -> tuple[State, Solved]:
        """Return the last state and the accepted steps of every interval."""
        (u,), solved = state, []
        for k in range(block.steps):
            u, accepted = adaptive(block.integrator).solve(block.field(k), u, block.h)
            solved.append(accepted)
        return (u,), solved

    def backwards(self, block: Block, memory: Solved, sums: WeightSums, g: State) -> State:
        """Linearise and pull back the accepted steps, the last one first."""
        for k in reversed(range(block.steps)):
            F = block.adjoint_field(k, sums)
            for step in reversed(memory[k]):
                part = Portion(F, step.c, step.share)
                g = SCHEME.linearise(part, (step.u,), block.h * step.share)[1](g)
            adaptive(block.integrator).evaluations.recomputed += STAGES * len(memory[k])
        return g


def adaptive(integrator: Integrator) -> DormandPrince:
    """Return the integrator, which `FrozenSteps.check` has let pass."""
    assert isinstance(integrator, DormandPrince)
    return integrator
