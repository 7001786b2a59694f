"""The adjoint of the differential equation, solved backwards in time with the state (Chen et al., NeurIPS 2018)."""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from pdebridge.dynamics.base import Dynamics, Theta
from pdebridge.dynamics.field import AdjointField, Field
from pdebridge.dynamics.normalisation import repeatable
from pdebridge.gradients.mode import Block, Mode
from pdebridge.gradients.sums import WeightSums
from pdebridge.integrators.base import Integrator, State
from pdebridge.integrators.dormand_prince import DormandPrince
from pdebridge.integrators.runge_kutta import RungeKutta


class ReverseTime(Mode):
    """``a' = -(dF/du)^T a``, ``g' = -(dF/dtheta)^T a`` with ``u' = F`` from ``T`` back to 0, ``a(T)`` the cotangent.

    Memory of one state, whatever ``N``; work ``3`` evaluations for each of the backward solve. The gradient of the
    differential equation and not of its discretisation: it is wrong by the order of the step, and the reverse flow
    must be stable for the state to be found again (Gholami et al., IJCAI 2019; Onken & Ruthotto, 2020). `error` is
    ``||u(0) found again - u(0)|| / ||u(0)||`` of the last backward pass; the first one above `bound` warns.

    Runge-Kutta methods step back with the same method and step size; ``dopri5`` controls the step with the error of
    ``u`` and ``a`` alone, since that of ``g`` does not feed back (Kidger, Chen & Lyons, ICML 2021, seminorm).

    Args:
        rtol: relative tolerance of the backward solve; default that of the forward one.
        atol: absolute tolerance; likewise.
        seminorm: leave ``g`` out of the error control.
        bound: largest error of the state that passes without a warning.

    Raises:
        ValueError: a tolerance is not positive.
    """

    again = False

    def __init__(
        self, rtol: float | None = None, atol: float | None = None, seminorm: bool = True, bound: float = 1e-2
    ) -> None:
        if not all(tolerance is None or tolerance > 0 for tolerance in (rtol, atol)):
            raise ValueError(
                f"tolerances of the reverse-time adjoint must be positive (found rtol={rtol}, atol={atol})"
            )
        self.rtol, self.atol, self.seminorm, self.bound = rtol, atol, seminorm, bound
        self.error: Tensor | None = None
        self.warned = False

    def check(self, integrator: Integrator, dynamics: Dynamics, steps: int) -> None:
        """Refuse methods that are no Runge-Kutta methods, batch normalisation and random numbers."""
        if not isinstance(integrator, RungeKutta | DormandPrince):
            raise ValueError(
                "the reverse-time adjoint runs a Runge-Kutta method or dopri5 backwards, not "
                f"{type(integrator).__name__}"
            )
        if not repeatable(dynamics):
            raise ValueError(
                f"the reverse-time adjoint meets other states than the forward pass, where {type(dynamics).__name__} "
                "has other batch statistics or random numbers; use group normalisation, or an exact gradient such as "
                "checkpointed or replay"
            )

    def onwards(self, block: Block, state: State, sums: WeightSums) -> tuple[State, tuple[State, State]]:
        """Return the last state, and the first one too, for comparison alone."""
        end = block.advance(state, 0, block.steps)
        return end, (state, end)

    def backwards(self, block: Block, memory: tuple[State, State], sums: WeightSums, g: State) -> State:
        """Solve back, interval by interval."""
        (start,), (u,), (a,) = *memory, g
        solver = self.solver(block.integrator, u.numel(), [w[0].numel() for w in sums.theta])
        vector = join(u, a, [w[0] for w in sums.theta])
        for k in reversed(range(block.steps)):
            augmented = Augmented(block.adjoint_field(k, sums), u.shape)
            (vector,) = solver.step(augmented, (vector,), -block.h)
            found, a, g_theta = augmented.parts(vector)
            for total, piece in zip(sums[k], g_theta, strict=True):
                if total is not None:
                    total.add_(piece)
                piece.zero_()  # the next interval goes on from this vector
        if isinstance(solver, DormandPrince) and isinstance(block.integrator, DormandPrince):
            block.integrator.evaluations.backward += solver.evaluations.total
        self.observe(found, start)
        return (a,)

    def solver(self, integrator: Integrator, state: int, weights: list[int]) -> Integrator:
        """Return the method of the backward solve, for a state and weights of so many numbers."""
        if not isinstance(integrator, DormandPrince):
            return integrator
        sizes = [state, state] if self.seminorm else [state, state, *weights]
        rtol, atol = self.rtol or integrator.rtol, self.atol or integrator.atol
        return DormandPrince(rtol, atol, integrator.attempts, largest_of(sizes))

    def observe(self, found: Tensor, u: Tensor) -> None:
        """Compare the state that was found again with the one that the pass forth started from; warn once."""
        scale = torch.linalg.vector_norm(u)
        self.error = torch.linalg.vector_norm(found - u) / scale.where(scale > 0, 1.0)
        if not self.warned and not self.error <= self.bound:
            self.warned = True
            warnings.warn(
                f"the reverse-time solution misses the state that it started from by {float(self.error):.1e}, more "
                f"than {self.bound:.1e}: this gradient is unreliable; take smaller steps or tolerances, or an exact "
                "gradient such as checkpointed or replay",
                stacklevel=2,
            )


def largest_of(sizes: list[int]) -> Callable[[Tensor], Tensor]:
    """Return the norm ``max_i rms(part_i)`` over leading parts of a vector."""

    def norm(flat: Tensor) -> Tensor:
        parts = flat[: sum(sizes)].split(sizes)
        return torch.stack([part.square().mean().sqrt() for part in parts if len(part)]).max()

    return norm


def join(u: Tensor, a: Tensor, theta: Theta) -> Tensor:
    """Return the vector ``(u, a, 0)`` with as many zeros as there are weights."""
    return torch.cat([u.flatten(), a.flatten().to(u.dtype), u.new_zeros(sum(w.numel() for w in theta))])


class Augmented(Field):
    """``(u, a, g)' = (F, -(dF/du)^T a, -(dF/dtheta)^T a)`` as one vector, on a step that runs backwards.

    Args:
        F: the field of the step.
        shape: of ``u``.
    """

    __slots__ = ("F", "shape", "sizes")

    def __init__(self, F: AdjointField, shape: torch.Size) -> None:
        self.F, self.shape = F, shape
        self.sizes = [shape.numel(), shape.numel(), *(w.numel() for w in F.theta)]

    def parts(self, flat: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Return views of ``u``, ``a`` and ``g``."""
        u, a, *g = flat.split(self.sizes)
        return u.view(self.shape), a.view(self.shape), [p.view(w.shape) for p, w in zip(g, self.F.theta, strict=True)]

    def __call__(self, u: Tensor, c: float = 0.0, part: int = 0) -> Tensor:
        """Evaluate the right-hand side at the fraction ``c`` from the end of the step."""
        rate = torch.zeros_like(u)
        state, a, _ = self.parts(u)
        f, minus_a, g = self.parts(rate)
        whole = self.F
        sums = tuple(None if total is None else p for total, p in zip(whole.sums, g, strict=True))
        F = AdjointField(whole.dynamics, whole.theta, whole.abscissae, whole.k, whole.h, sums)
        slope, transpose = F.linearise(state, 1.0 - c)
        f.copy_(slope)
        minus_a.copy_(transpose(a, -1.0)).neg_()
        return rate
