"""What the gradient modes share: a block of steps as one node of autograd's graph, walked forth and back."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.autograd import forward_ad

from pdebridge.cube import shown
from pdebridge.dynamics.base import Dynamics, Theta
from pdebridge.dynamics.field import AdjointField, Field
from pdebridge.dynamics.normalisation import Recomputing
from pdebridge.gradients.replay import Repeated, pure
from pdebridge.gradients.stored import stored
from pdebridge.gradients.sums import WeightSums
from pdebridge.integrators.base import Integrator, State
from pdebridge.integrators.march import advance, layers


class Block:
    """The steps ``0, ..., N-1`` of a flow with their weights.

    Args:
        integrator: the step.
        dynamics: the right-hand side.
        theta: its weights, each ``(N, S, ...)``.
        steps: ``N``.
        h: step size.
    """

    def __init__(self, integrator: Integrator, dynamics: Dynamics, theta: Theta, steps: int, h: float) -> None:
        self.integrator, self.dynamics, self.steps, self.h = integrator, dynamics, steps, h
        self.theta = theta

    @cached_property
    def rows(self) -> list[Theta]:
        """Return the weights of each step."""
        return layers(self.theta, self.steps)

    def field(self, k: int) -> Field:
        """Return ``F`` at step ``k``."""
        return Field(self.dynamics, self.rows[k], self.integrator.abscissae, k, self.h)

    def adjoint_field(self, k: int, sums: WeightSums) -> AdjointField:
        """Return ``F`` at step ``k`` with adjoints that add to ``sums``."""
        return AdjointField(self.dynamics, self.rows[k], self.integrator.abscissae, k, self.h, tuple(sums[k]))

    def advance(self, state: State, first: int, last: int) -> State:
        """Return the state at step ``last`` from that at step ``first``."""
        for k in range(first, last):
            state = self.integrator.step(self.field(k), state, self.h)
        return state

    def linearise(self, state: State, k: int, sums: WeightSums) -> tuple[State, Any]:
        """Return the state after step ``k`` and the adjoint of the step."""
        return self.integrator.linearise(self.adjoint_field(k, sums), state, self.h)


class Mode(ABC):
    """A way to differentiate a block: what is kept of the pass forth, and what is done with it on the way back."""

    again: ClassVar[bool] = True
    """Whether ``F`` is evaluated again at the arguments of the pass forth, and at no others."""
    holds_end: ClassVar[bool] = True
    """Whether the way back needs the last state, which the caller then must not change."""
    fallen: bool = False
    """Whether an error beyond its bound has sent the block another way for good; a resumed training goes on so."""

    def __repr__(self) -> str:
        """Return the call that makes it."""
        return shown(self)

    def check(self, integrator: Integrator, dynamics: Dynamics, steps: int) -> None:  # noqa: B027
        """Raise ``ValueError`` where the mode does not fit; by default it fits everything."""

    @abstractmethod
    def onwards(self, block: Block, state: State, sums: WeightSums) -> tuple[State, Any]:
        """Return the last state and what the way back needs, without building a graph."""

    @abstractmethod
    def backwards(self, block: Block, memory: Any, sums: WeightSums, g: State) -> State:
        """Return the cotangent of the first state for that of the last; add those of the weights to ``sums``."""

    @torch.compiler.disable  # type: ignore[untyped-decorator]  # a compiled model runs the block as it is
    def __call__(
        self, integrator: Integrator, dynamics: Dynamics, theta: Theta, u: Tensor, steps: int, h: float
    ) -> Tensor:
        """Integrate ``steps`` steps of size ``h`` from ``u``; the arguments are those of ``stored``.

        A derivative of the derivative, and the transforms of ``torch.func`` and forward mode, go through ``stored``:
        the same numbers, with its memory.
        """
        if not torch.is_grad_enabled() or transformed():
            return stored(integrator, dynamics, theta, u, steps, h)
        if not pure(dynamics):
            dynamics = Repeated(dynamics, type(self).__name__, self.again)
            theta = dynamics.extended(theta, steps)
        state = integrator.start(u)
        return integrator.finish(Walk.apply(self, (integrator, dynamics, steps, h), len(state), *state, *theta))


class Walk(torch.autograd.Function):
    """A block as one node of the graph, with the state and the weights as its inputs."""

    @staticmethod
    def forward(
        ctx: Any, mode: Mode, point: tuple[Integrator, Dynamics, int, float], n: int, *tensors: Tensor
    ) -> State:
        """Run the block; ``tensors`` are the ``n`` tensors of the state and the weights."""
        integrator, dynamics, steps, h = point
        state, theta = tensors[:n], tensors[n:]
        ctx.mode, ctx.point, ctx.n = mode, point, n
        ctx.sums = WeightSums(theta, ctx.needs_input_grad[n + 3 :])
        ctx.autocast = ambient(tensors[0].device.type)
        end, ctx.memory = mode.onwards(Block(integrator, dynamics, theta, steps, h), state, ctx.sums)
        ctx.layouts = [layout(s) for s in end]
        out = tuple(s.detach() for s in end)  # the memory must not hold an output, which holds this node
        ctx.save_for_backward(*tensors, *(out if mode.holds_end else ()))  # for the check that nobody changes them
        return out

    @staticmethod
    def backward(ctx: Any, *g: Tensor) -> tuple[Tensor | None, ...]:
        """Walk back; through a graph of all steps where the derivative is differentiated again, or taken in batches.

        What was kept of the pass forth is let go, unless the graph is retained.
        """
        inputs = ctx.saved_tensors[: len(ctx.needs_input_grad) - 3]
        if torch.is_grad_enabled() or any(is_batched(part) for part in g):
            return None, None, None, *through_a_graph(ctx, inputs, g)
        integrator, dynamics, steps, h = ctx.point
        theta = inputs[ctx.n :]
        block = Block(integrator, dynamics, theta, steps, h)
        sums, ctx.sums = ctx.sums, None
        if sums is None:  # a second pass over a retained graph
            sums = WeightSums(theta, ctx.needs_input_grad[ctx.n + 3 :])
        memory = ctx.memory
        if not torch._C._autograd._get_current_graph_task_keep_graph():
            ctx.memory = None
        # a loss may hand over cotangents in another layout than the states', and every kernel would pay for the mixture
        g = tuple(s.contiguous(memory_format=form) for s, form in zip(g, ctx.layouts, strict=True))
        with Recomputing(), ctx.autocast:
            start = ctx.mode.backwards(block, memory, sums, g)
        return None, None, None, *start, *sums.gradient()


def through_a_graph(ctx: Any, inputs: tuple[Tensor, ...], g: tuple[Tensor, ...]) -> Iterator[Tensor | None]:
    """Return the cotangents of the inputs of `Walk` as functions with derivatives, from the stored graph."""
    integrator, dynamics, steps, h = ctx.point
    with Recomputing(), ctx.autocast, torch.enable_grad():
        inputs = tuple(x.view_as(x) for x in inputs)  # two parts of a state may be the same tensor
        end = advance(integrator, dynamics, inputs[ctx.n :], inputs[: ctx.n], steps, h)
    wanted = [x for x, want in zip(inputs, ctx.needs_input_grad[3:], strict=True) if want]
    found = iter(torch.autograd.grad(end, wanted, g, create_graph=torch.is_grad_enabled(), allow_unused=True))
    return (next(found) if want else None for want in ctx.needs_input_grad[3:])


def is_batched(g: Tensor) -> bool:
    """Tell whether a cotangent stands for many, as in ``torch.autograd.grad(..., is_grads_batched=True)``."""
    return torch._C._functorch.is_batchedtensor(g) or torch._C._functorch.is_legacy_batchedtensor(g)


def transformed() -> bool:
    """Tell whether a transform of ``torch.func`` or forward-mode differentiation is under way."""
    return torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0


def layout(u: Tensor) -> torch.memory_format:
    """Return whether images or volumes have their channels last in memory."""
    for ndim, form in ((4, torch.channels_last), (5, torch.channels_last_3d)):
        if u.ndim == ndim and u.is_contiguous(memory_format=form):
            return form
    return torch.contiguous_format


def ambient(device: str) -> torch.autocast:
    """Return the present state of autocast, for a backward pass that evaluates ``F`` again.

    The cache is off: it would keep a copy of every layer's weights until the end of the block.
    """
    enabled, dtype = torch.is_autocast_enabled(device), torch.get_autocast_dtype(device)
    return torch.autocast(device, dtype=dtype, enabled=enabled, cache_enabled=False)
