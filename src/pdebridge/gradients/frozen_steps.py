"""The gradient of an adaptive solution: its accepted steps, differentiated with their sizes frozen.

Zhuang et al., Adaptive checkpoint adjoint (ICML 2020).
"""

from pdebridge.dynamics.base import Dynamics
from pdebridge.dynamics.field import AdjointField, Field, Portion
from pdebridge.gradients.mode import Block, Mode
from pdebridge.gradients.sums import WeightSums
from pdebridge.integrators.base import Integrator, State
from pdebridge.integrators.dormand_prince import SCHEME, STAGES, Accepted, DormandPrince, Lifted, lifts

Solved = list[list[Accepted]]


class FrozenSteps(Mode):
    """Solve with step size control, keep the state before every accepted step, linearise each again when it is due.

    Exact for the scheme with the accepted step sizes; what the sizes owe to the weights is left out, as in every
    library. Rejected attempts leave no trace. Memory of a state a step and one linearisation; work ``4`` evaluations
    a stage of an accepted step and ``1`` of a rejected one.
    """

    holds_end = False

    def check(self, integrator: Integrator, dynamics: Dynamics, steps: int) -> None:
        """Refuse integrators of fixed steps."""
        if not isinstance(integrator, DormandPrince):
            raise ValueError(
                f"replay differentiates the accepted steps of dopri5, not those of {type(integrator).__name__}, for "
                "which checkpointed is the same"
            )

    def onwards(self, block: Block, state: State, sums: WeightSums) -> tuple[State, Solved]:
        """Return the last state and the accepted steps of every interval."""
        (u,), solved = state, []
        low = u.dtype
        for k in range(block.steps):
            F: Field = Lifted(block.field(k), low) if lifts(state[0]) else block.field(k)
            u, accepted = adaptive(block.integrator).solve(F, u.float() if lifts(u) else u, block.h)
            solved.append(accepted)
        return (u.to(low),), solved

    def backwards(self, block: Block, memory: Solved, sums: WeightSums, g: State) -> State:
        """Linearise and pull back the accepted steps, the last one first."""
        low = g[0].dtype
        g = tuple(p.float() if lifts(p) else p for p in g)
        for k in reversed(range(block.steps)):
            F: AdjointField = block.adjoint_field(k, sums)
            F = Lifted(F, low) if low != g[0].dtype else F
            for step in reversed(memory[k]):
                part = Portion(F, step.c, step.share)
                g = SCHEME.linearise(part, (step.u,), block.h * step.share)[1](g)
            adaptive(block.integrator).evaluations.recomputed += STAGES * len(memory[k])
        return tuple(p.to(low) for p in g)


def adaptive(integrator: Integrator) -> DormandPrince:
    """Return the integrator, which `FrozenSteps.check` has let pass."""
    assert isinstance(integrator, DormandPrince)
    return integrator
