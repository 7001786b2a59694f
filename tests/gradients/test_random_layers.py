"""Five hundred layers drawn at random: every mode has the gradient of the plain loop, or refuses."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from pdebridge.dynamics.base import Dynamics, Instant, Theta
from pdebridge.dynamics.control import Constant, PiecewiseConstant
from pdebridge.dynamics.dense import Dense
from pdebridge.dynamics.half_damped import HalfDamped
from pdebridge.dynamics.parabolic import Parabolic
from pdebridge.dynamics.perceptron import Perceptron
from pdebridge.dynamics.spline import PiecewiseLinear
from pdebridge.gradients.checkpointed import Checkpointed, Revolve
from pdebridge.gradients.layer_parallel import LayerParallel
from pdebridge.gradients.reversible import Reversible
from pdebridge.gradients.stored import stored
from pdebridge.gradients.taped import Taped
from pdebridge.integrators.base import Integrator
from pdebridge.integrators.euler import ForwardEuler
from pdebridge.integrators.midpoint import Midpoint
from pdebridge.integrators.momentum import Momentum
from pdebridge.integrators.paired import PairedEuler, PairedRK4
from pdebridge.integrators.runge_kutta import RK4, ExplicitMidpoint
from pdebridge.networks.flow import Flow, Gradient

WIDTH, STEPS, DRAWS, PARTS = 4, 4, 500, 25
PLAIN: dict[str, Any] = {"operator": "dense", "normalisation": "none"}
PARENTS: list[tuple[type[Dynamics], dict[str, Any]]] = [
    (Dense, {"activation": "smooth-relu"}),
    (Parabolic, {"activation": "tanh", **PLAIN}),
    (Parabolic, {"operator": "dense", "activation": "sigmoid"}),
    (Perceptron, {"hidden": 3}),
    (HalfDamped, {"rate": 1.0, "hidden": 3}),
]
STEPPERS = [ForwardEuler, ExplicitMidpoint, RK4, Midpoint, Momentum, PairedEuler, PairedRK4]
MODES: list[Callable[[], Gradient]] = [
    Taped,
    Checkpointed,
    lambda: Checkpointed(1),
    lambda: Checkpointed("block"),
    lambda: Revolve(2),
    Reversible,
    lambda: LayerParallel(cycles=2, factor=2, coarsest=2),
]
AROUND = [
    "leak",
    "gate",
    "linear",
    "buffer",
    "count",
    "dropout",
    "norm",
    "view",
    "twice",
    "in place",
    "argument",
    "outer",
]
REFUSED = (
    "no algebraic inverse|one-step method|several times|draws random numbers|changes its (buffers|argument)|randomness"
    "|neither a weight|inplace|in-place|evaluates it at other arguments"
)


def drawn(parent: type[Dynamics], parts: frozenset[str], outer: Tensor) -> type[Dynamics]:
    """A subclass whose forward does more than its parent's."""

    class Own(parent):  # type: ignore[valid-type, misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            if "gate" in parts:
                self.gate = nn.Parameter(torch.randn(WIDTH))
            if "linear" in parts:
                self.inner = nn.Linear(WIDTH, WIDTH)
            if "norm" in parts:
                self.after = nn.BatchNorm1d(WIDTH, affine=False)
            self.register_buffer("factor", torch.ones(()))

        def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
            v = self.inner(u) if "linear" in parts else u
            v = v.flip(1)[:, ::1].view(-1, WIDTH) if "view" in parts else v
            if "argument" in parts:
                v = v.mul_(0.9)
            f = super().forward(v, theta, at, part)
            f = f + super().forward(0.5 * u, theta, at, part) if "twice" in parts else f
            if "in place" in parts:
                f = f.clone().mul_(0.5).add_(0.1 * u)
            if "count" in parts:
                self.factor = self.factor + 0.1
            f = f * self.factor if {"buffer", "count"} & parts else f
            f = self.after(f) if "norm" in parts else f
            f = self.gate * f if "gate" in parts else f
            f = dropout(f, 0.4) if "dropout" in parts else f
            f = outer * f if "outer" in parts else f
            return f - 0.3 * u if "leak" in parts else f

    return Own


def made(
    parent: tuple[type[Dynamics], dict[str, Any]],
    parts: frozenset[str],
    outer: Tensor,
    kind: int,
    seed: int,
    step: Integrator,
    gradient: Gradient,
) -> Flow:
    """The network, with the same weights for the same seed."""
    torch.manual_seed(seed)
    F = drawn(parent[0], parts, outer)(WIDTH, **parent[1]).double()
    control = [PiecewiseConstant, Constant, PiecewiseLinear][kind](F, *(() if kind == 1 else (STEPS,)))
    return Flow(F, control.double(), step, gradient, STEPS, 0.8)


def gradients(net: Flow, u: Tensor, outer: Tensor) -> list[Tensor]:
    torch.manual_seed(5)
    u = u.clone().requires_grad_()
    end = net(u * 1.0)
    inputs = [u, outer, *net.parameters()]
    weight = torch.linspace(-1.0, 2.0, end.numel(), dtype=end.dtype).view_as(end)
    found = torch.autograd.grad((weight * end).sum(), inputs, materialize_grads=True)
    return [end.detach(), *found, *(b.clone() for b in net.dynamics.buffers()), torch.rand(1)]


@pytest.mark.parametrize("part", range(PARTS))
def test_every_mode_has_the_gradient_of_the_plain_loop_or_refuses(part: int) -> None:
    rng, agreed = np.random.default_rng(part), 0
    for _ in range(DRAWS // PARTS):
        parts = frozenset(rng.choice(AROUND, size=rng.integers(0, 4), replace=False).tolist())
        parent, step, mode = (kind[rng.integers(len(kind))] for kind in (PARENTS, STEPPERS, MODES))
        kind, seed = int(rng.integers(3)), int(rng.integers(1000))
        outer = torch.full((), 1.5, dtype=torch.float64, requires_grad=True)
        make = partial(made, parent, parts, outer, kind, seed, step())
        u = torch.randn(3, WIDTH, dtype=torch.float64)
        case = f"{sorted(parts)} {parent} {step.__name__} {MODES.index(mode)} {kind}"
        try:
            found = gradients(make(mode()), u, outer)
        except (ValueError, RuntimeError) as error:
            assert re.search(REFUSED, str(error)), case
            continue
        exact = gradients(make(stored), u, outer)
        for a, b in zip(found, exact, strict=True):
            assert (a - b).abs().max() <= 1e-8 * max(1.0, float(b.abs().max())), case
        agreed += 1
    assert agreed >= 5
