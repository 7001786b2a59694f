"""What is proved of a flow: two certificates of stability, each with its claim, its argument and its number."""

import math
from collections.abc import Callable
from functools import partial
from typing import Generic, Literal, NamedTuple, TypeVar

import torch
from torch import Tensor

from pdebridge.dynamics.base import Theta
from pdebridge.dynamics.field import Field
from pdebridge.integrators.march import layers
from pdebridge.networks.flow import Flow

Kind = Literal["contractive", "spectral"]
Bound = TypeVar("Bound")


class Terms(NamedTuple):
    """What a kind of certificate says: of what, for which states and weights, by which argument, in which number."""

    claim: str
    states: str
    argument: str
    number: str


TERMS: dict[Kind, Terms] = {
    "contractive": Terms(
        "two inputs are no farther apart after all steps than the number times their distance before",
        "any two states; the weights as they are, varying from step to step",
        "Lipschitz constants, logarithmic norms and cocoercivity of every stage, multiplied through the steps",
        "bound of the growth (non-expansive if at most 1)",
    ),
    "spectral": Terms(
        "weights and slopes sigma' frozen over a step, no mode that the equation lets decay grows",
        "any state, one step at a time: nothing is said of products of steps, nor of slopes that vary",
        "the triangles that hold the frozen eigenvalues at every abscissa lie in the region of stability",
        "largest stable step / h (stable if more than 1)",
    ),
}


class Certificate(NamedTuple):
    """A proved statement about a flow; what it says is in ``TERMS[kind]``.

    Args:
        kind: ``contractive``, of the network as it is, or ``spectral``, of its frozen linearisation.
        number: as ``TERMS[kind].number`` says: the bound of the growth, or the least margin of the steps.
        steps: the number of each step.
    """

    kind: Kind
    number: float
    steps: tuple[float, ...]

    @property
    def holds(self) -> bool:
        """Return whether the flow is non-expansive, or every step spectrally stable.

        Both are sufficient, not necessary: where they do not hold the flow need not grow. The bound of the growth is
        true in any case.
        """
        return self.held(self.number)

    def held(self, number: float) -> bool:
        """Return whether a step with this number, or the whole flow, is certified."""
        return number <= 1 + 1e-9 if self.kind == "contractive" else number > 1

    def __str__(self) -> str:
        """Return the statement in words."""
        terms = TERMS[self.kind]
        verdict = "holds" if self.holds else "does not hold"
        return "\n".join(
            [
                f"{self.kind} certificate {verdict}: {terms.number} {self.number:.4g}, {len(self.steps)} steps",
                f"  claim:    {terms.claim}",
                f"  states:   {terms.states}",
                f"  argument: {terms.argument}",
            ]
        )


def contractive(flow: Flow, pixels: tuple[int, ...] = ()) -> Certificate:
    """Return a bound of ``|u_N - v_N| / |u_0 - v_0|`` for all inputs ``u_0``, ``v_0`` of ``(width, *pixels)``.

    Without pixels it holds for convolutions on every grid. The number of a step is that of its own growth; where a
    state has several parts the flow's is that of the product of their comparison matrices, which may be less.

    Raises:
        ValueError: nothing bounds the flow.
    """
    step, F = flow.integrator, flow.dynamics
    bounds = Sampled(flow, lambda theta, part: F.increments(theta, pixels, part), "differences")
    product, numbers = torch.tensor(step.entry, dtype=torch.float64), []
    for k in range(flow.steps):
        found = step.comparison(partial(bounds, k), k, flow.h)
        if found is None:
            raise ValueError(f"nothing bounds the growth of a step of {type(step).__name__}")
        M = torch.tensor(found, dtype=torch.float64)
        product = M @ product
        numbers.append(norm(M))
    return Certificate("contractive", norm(product[: product.shape[1]]), tuple(numbers))


def spectral(flow: Flow, pixels: tuple[int, ...] = ()) -> Certificate:
    """Return the largest stable step over ``h`` of every step of a flow on features of ``(width, *pixels)``.

    Raises:
        ValueError: nothing bounds the frozen eigenvalues, or the integrator chooses its steps itself.
    """
    step, F = flow.integrator, flow.dynamics
    if step.adaptive:
        raise ValueError(f"{type(step).__name__} chooses its steps by a tolerance, not by a region of stability")

    def largest_step(theta: Theta, part: int) -> float | None:
        found = F.spectrum(theta, pixels)
        if found is None:
            return None
        return min(step.largest_step(z) for z in (found if isinstance(found, tuple) else (found,)))

    bounds = Sampled(flow, largest_step, "spectrum")
    margins = [min(bounds(k, c, 0) for c in step.abscissae) / flow.h for k in range(flow.steps)]
    return Certificate("spectral", min(margins), tuple(margins))


class Sampled(Generic[Bound]):
    """A bound of the dynamics at every abscissa of every step, the only weights that the steps see.

    Args:
        flow: the flow.
        bound: ``(theta, part)`` to the bound.
        what: it bounds, for the message.
    """

    def __init__(self, flow: Flow, bound: Callable[[Theta, int], Bound | None], what: str) -> None:
        self.flow, self.bound, self.what = flow, bound, what
        theta = tuple(w.detach() for w in flow.control.sample(flow.steps, flow.integrator.abscissae))
        if any(w.is_complex() for w in theta):
            raise ValueError(f"nothing bounds the {what} of a flow with complex weights")
        self.rows = layers(theta, flow.steps)
        self.known: dict[tuple[float, ...], Bound] = {}

    def __call__(self, k: int, c: float, part: int) -> Bound:
        """Return the bound at the fraction ``c`` of step ``k``; steps that share their weights share it.

        Raises:
            ValueError: there is none.
        """
        flow, samples = self.flow, self.rows[k]
        key = (part, c, *(w.data_ptr() for w in samples))
        if key not in self.known:
            theta = Field(flow.dynamics, samples, flow.integrator.abscissae, k, flow.h).weights(c)
            found = self.bound(theta, part)
            if found is None:
                raise ValueError(f"nothing bounds the {self.what} of this {type(flow.dynamics).__name__}")
            self.known[key] = found
        return self.known[key]


def norm(M: Tensor) -> float:
    """Return ``||M||_2``, infinite if an entry has overflown."""
    return float(torch.linalg.matrix_norm(M, 2)) if bool(M.isfinite().all()) else math.inf
