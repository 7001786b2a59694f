"""What a user's own flow is worth: gradients by every mode, reversal, order and growth, in a page of text."""

import copy
import math
import warnings
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pdebridge.catalogue import GRADIENTS
from pdebridge.cube import made
from pdebridge.integrators.march import advance, retreat
from pdebridge.networks.certificate import Certificate, contractive, spectral
from pdebridge.networks.flow import Flow

EXACT, CONTINUOUS = 1e-8, 0.05
OPTIONS: dict[str, dict[str, Any]] = {
    "revolve": {"slots": 3},
    "layer-parallel": {"cycles": 8, "factor": 2, "coarsest": 2},
}
STEPS = (1e-3, 5e-4)


class Finding(NamedTuple):
    """What was looked at, whether it is right (``None`` where nothing is claimed), and the figure."""

    what: str
    right: bool | None
    said: str


class Report(NamedTuple):
    """The findings on a flow; printed, a page of text.

    Attributes:
        title: the flow.
        findings: one a line.
    """

    title: str
    findings: list[Finding]

    @property
    def right(self) -> bool:
        """Tell whether nothing that was looked at is wrong."""
        return all(finding.right is not False for finding in self.findings)

    def __str__(self) -> str:
        """Return the page."""
        width = max(len(finding.what) for finding in self.findings)
        marks = {True: "ok", False: "WRONG", None: "-"}
        return "\n".join([self.title, *(f"  {marks[f.right]:5} {f.what:{width}}  {f.said}" for f in self.findings)])


def check(flow: Flow, u: Tensor) -> Report:
    """Hold a flow against the truth: ``print(pdebridge.check(flow, u))``.

    All on copies in float64, which start with the same buffers and random numbers:

    - the derivative of the plain loop against differences of its values (Taylor: a remainder of second order);
    - the gradient of every mode against that of the plain loop, or why the mode refuses;
    - the way back through a reversible integrator, also in the precision of the flow;
    - the order that shows where steps are halved under the same control, which jumps and kinks of it lower;
    - by how much a small perturbation of ``u`` grows, an observation and no bound;
    - both certificates of stability, which hold for every ``u`` of this grid, or why there is none.

    Args:
        flow: of one's own dynamics, control or integrator; neither it nor the random numbers to come are changed.
        u: features, batch first.
    """
    net, v = copy.deepcopy(flow).double(), u.detach().double()
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        findings = [taylor(net, v), *modes(net, v), *reversal(flow, u), order(net, v), *proved(net, v)]
    title = f"{type(flow.dynamics).__name__}\n  " + flow.extra_repr().replace("\n", "\n  ")
    return Report(title, findings)


def value(net: Flow, u: Tensor, gradient: object = "stored", **options: Any) -> tuple[Tensor, Flow]:
    """Return ``sum_i w_i u_i(T)`` for fixed ``w`` by a fresh copy of a flow, and the copy."""
    fresh = copy.deepcopy(net)
    fresh = Flow(
        fresh.dynamics, fresh.control, fresh.integrator, made("gradient", gradient, **options), net.steps, net.time
    )
    fresh.train(net.training)
    torch.manual_seed(0)
    end = fresh(u)
    weight = torch.linspace(-1.0, 2.0, end.numel(), dtype=end.dtype, device=end.device).view_as(end)
    return (weight * end).sum(), fresh


def derivative(net: Flow, u: Tensor, gradient: object = "stored", **options: Any) -> list[Tensor]:
    """Return the derivative of `value` in ``u`` and in every weight."""
    u = u.clone().requires_grad_()
    loss, fresh = value(net, u, gradient, **options)
    inputs = [u, *(p for p in fresh.parameters() if p.requires_grad)]
    return list(torch.autograd.grad(loss, inputs, materialize_grads=True))


def distance(found: list[Tensor], exact: list[Tensor]) -> float:
    """Return the largest error of a derivative relative to the norm of the right one."""
    sizes = [float(torch.linalg.vector_norm(b)) for b in exact]
    floor = 1e-8 * max(*sizes, 1e-300)
    return max(
        float(torch.linalg.vector_norm(a - b)) / max(n, floor) for a, b, n in zip(found, exact, sizes, strict=True)
    )


def taylor(net: Flow, u: Tensor) -> Finding:
    """Compare the derivative in ``u`` of the plain loop with central differences."""
    d = torch.randn_like(u)
    slope = float((derivative(net, u)[0] * d).sum())
    with torch.no_grad():
        ends = [float(value(net, u + e * d)[0] - value(net, u - e * d)[0]) / (2 * e) for e in STEPS]
    wrong = abs((4 * ends[1] - ends[0]) / 3 - slope) / max(abs(slope), 1e-12)
    return Finding("derivative of the plain loop", wrong < 1e-4, f"differs from differences of values by {wrong:.0e}")


def modes(net: Flow, u: Tensor) -> Iterator[Finding]:
    """Compare the gradient of every mode with that of the plain loop."""
    exact = derivative(net, u)
    for name in GRADIENTS:
        if name == "stored":
            continue
        try:
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                wrong = distance(derivative(net, u, name, **OPTIONS.get(name, {})), exact)
        except (ValueError, RuntimeError, ArithmeticError) as error:
            yield Finding(f"gradient {name}", None, f"refuses: {str(error).split(chr(10))[0][:110]}")
            continue
        if said:
            yield Finding(f"gradient {name}", None, f"warns: {str(said[0].message)[:110]}; differs by {wrong:.0e}")
            continue
        bound = CONTINUOUS if name == "adjoint" else EXACT
        yield Finding(f"gradient {name}", wrong < bound, f"differs from stored by {wrong:.0e}")


def reversal(flow: Flow, u: Tensor) -> Iterator[Finding]:
    """Go to the end and back, in float64 and in the precision of the flow."""
    for dtype in {torch.float64: 0, u.dtype: 0} if flow.integrator.reversible else ():
        net = copy.deepcopy(flow).to(dtype)
        v, step = u.detach().to(dtype), net.integrator
        with torch.no_grad():
            theta = net.control.sample(net.steps, step.abscissae)
            end = advance(step, net.dynamics, theta, step.start(v), net.steps, net.h)
            back = step.finish(retreat(step, net.dynamics, theta, end, net.steps, net.h))
        wrong = float(torch.linalg.vector_norm(back - v) / torch.linalg.vector_norm(v).clamp_min(1e-30))
        yield Finding(f"way back, {str(dtype)[6:]}", wrong < 1e-2, f"finds the features to {wrong:.0e}")


def order(net: Flow, u: Tensor) -> Finding:
    """Observe the order of convergence under the same control."""
    what = "order"
    if net.integrator.adaptive:
        return Finding(what, None, "is that of the tolerance")
    try:
        with torch.no_grad():
            ends = []
            for r in (1, 2, 4, 8):
                torch.manual_seed(0)
                ends.append(copy.deepcopy(net)(u, r))
        gaps = [float(torch.linalg.vector_norm(b - a)) for a, b in pairwise(ends)]
    except (ValueError, IndexError) as error:
        return Finding(what, None, f"cannot be seen: {error}")
    if gaps[2] < 1e-12 * float(torch.linalg.vector_norm(ends[-1])):
        return Finding(what, None, "differences are of the size of rounding")
    seen = math.log2(gaps[1] / gaps[2])
    right = seen > net.integrator.order - 0.3 or None
    return Finding(what, right, f"{seen:.2f} seen, {net.integrator.order} of {type(net.integrator).__name__}")


def proved(net: Flow, u: Tensor) -> Iterator[Finding]:
    """Observe the growth of a perturbation and hold it to what is proved."""
    factor = growth(net, u)
    said = f"a perturbation is multiplied by {factor:.3g} on [0, {net.time:g}], observed and no bound"
    yield Finding("growth", None, said)
    bound = certificate(contractive, net, u)
    if isinstance(bound, str):
        yield Finding("certificate contractive", None, bound)
    else:
        kept = factor <= bound.number * (1 + 1e-6) and (bound.holds or None)
        yield Finding("certificate contractive", kept, f"for all states and these weights at most {bound.number:.4g}")
    margin = certificate(spectral, net, u)
    if isinstance(margin, str):
        yield Finding("certificate spectral", None, margin)
    else:
        said = f"every step frozen: stable up to {margin.number:.4g} h"
        yield Finding("certificate spectral", margin.holds or None, said)


def certificate(kind: Callable[..., Certificate], net: Flow, u: Tensor) -> Certificate | str:
    """Return a certificate, or why there is none."""
    try:
        return kind(net, tuple(u.shape[2:]))
    except ValueError as error:
        return f"no bound: {error}"


def growth(net: Flow, u: Tensor) -> float:
    """Return by how much one small perturbation grows."""
    d = 1e-6 * torch.randn_like(u)
    with torch.no_grad():
        ends = []
        for v in (u, u + d):
            torch.manual_seed(0)
            ends.append(copy.deepcopy(net)(v))
    return float(torch.linalg.vector_norm(ends[1] - ends[0]) / torch.linalg.vector_norm(d))
