"""The exact gradient modes equal autograd through the plain loop; their work is what the theory counts."""

from collections import Counter
from collections.abc import Callable
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from families import control, dynamics, features
from pdebridge.catalogue import CONTROLS
from pdebridge.cube import load
from pdebridge.dynamics.base import Dynamics
from pdebridge.dynamics.control import Constant, Control
from pdebridge.dynamics.perceptron import Perceptron
from pdebridge.dynamics.post_activation import PostActivation
from pdebridge.dynamics.time_convolution import TimeConvolution
from pdebridge.gradients.allocation import peak_bytes
from pdebridge.gradients.binomial import advances, split
from pdebridge.gradients.checkpointed import Checkpointed, Revolve
from pdebridge.gradients.stored import stored
from pdebridge.gradients.taped import Taped
from pdebridge.integrators.base import Integrator
from pdebridge.integrators.euler import ForwardEuler
from pdebridge.integrators.runge_kutta import RK4, DormandPrince5, ExplicitMidpoint
from pdebridge.integrators.verlet import Verlet
from pdebridge.networks.flow import Flow, Gradient

STEPS = 6
MODES: dict[str, Callable[[], Gradient]] = {
    "taped": Taped,
    "per step": lambda: Checkpointed(1),
    "root": Checkpointed,
    "per block": lambda: Checkpointed("block"),
    "revolve 1": lambda: Revolve(1),
    "revolve 2": lambda: Revolve(2),
    "revolve 5": lambda: Revolve(5),
}
SCHEMES: list[Integrator] = [ForwardEuler(), ExplicitMidpoint(), RK4(), DormandPrince5()]


def scattered(weights: Control, seed: int = 0) -> Control:
    torch.manual_seed(seed)
    with torch.no_grad():
        for w in weights.parameters():
            w.add_(torch.randn_like(w), alpha=0.2)
    return weights.double()


def made(name: str, F: Dynamics) -> Control:
    torch.manual_seed(0)
    return scattered(load(CONTROLS[name])(F, *(() if name == "constant" else (STEPS,))))


def gradients(net: nn.Module, u: Tensor) -> list[Tensor]:
    u = u.detach().requires_grad_()
    out = net(u)
    weight = torch.linspace(-1.0, 2.0, out.numel(), dtype=out.dtype).view_as(out)
    return [out.detach(), *torch.autograd.grad((weight * out).sum(), [u, *net.parameters()])]


def assert_equal(found: list[Tensor], expected: list[Tensor], tolerance: float = 1e-12) -> None:
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape and b.abs().max() > 0
        # a bias before a normalisation has no derivative but rounding
        assert torch.linalg.vector_norm(a - b) <= tolerance * torch.linalg.vector_norm(b).clamp_min(1.0)


@pytest.mark.parametrize("name", CONTROLS)
@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("mode", MODES)
def test_equal_to_autograd_with_every_control(mode: str, scheme: Integrator, name: str) -> None:
    F, u = Perceptron(3, 5), torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    nets = [Flow(F, made(name, F), scheme, m, STEPS, 2.0) for m in (MODES[mode](), stored)]
    assert_equal(*(gradients(net, u) for net in nets))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("field", ["time", "group", "batch", "verlet"])
def test_equal_to_autograd_on_images(field: str, mode: str) -> None:
    """Convolutions, group and batch normalisation, and a step that is no Runge-Kutta step."""

    def net(mode: Gradient) -> Flow:
        if field == "verlet":
            F = dynamics("conv hamiltonian", STEPS)
            return Flow(F, control(F, STEPS), Verlet(), mode, STEPS, 1.0)
        norm = {"normalisation": field, "steps": STEPS}
        F = (TimeConvolution(4) if field == "time" else PostActivation(4, "squeezenext", **norm)).double()
        return Flow(F, made("constant", F), ExplicitMidpoint(), mode, STEPS, 1.0)

    u, nets = features("conv hamiltonian"), [net(MODES[mode]()), net(stored)]
    assert_equal(*(gradients(n, u) for n in nets))
    buffers = [list(n.dynamics.buffers()) for n in nets]  # running statistics are updated once
    for a, b in zip(*buffers, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid", "identity"])
@pytest.mark.parametrize("time", [True, False])
def test_closed_form_of_the_perceptron_is_autograd(time: bool, activation: str) -> None:
    F = Perceptron(3, 5, layers=3, activation=activation, time=time)

    class General(Perceptron):
        closed_form = Dynamics.closed_form

    G = General(3, 5, layers=3, activation=activation, time=time)
    u = torch.randn(4, 3, dtype=torch.float64)
    nets = [Flow(f, made("b-spline", F), RK4(), Taped, STEPS, 2.0) for f in (F, G)]
    assert_equal(*(gradients(net, u) for net in nets))


@pytest.mark.parametrize("mode", MODES)
def test_taylor_remainder_has_slope_two(mode: str) -> None:
    torch.manual_seed(2)
    F, u = Perceptron(3, 5), torch.randn(4, 3, dtype=torch.float64)
    net = Flow(F, made("piecewise-linear", F), RK4(), MODES[mode](), STEPS, 2.0)
    value, g_u, *g = gradients(net, u)
    d_u, d = torch.randn_like(u), [torch.randn_like(p) for p in net.parameters()]
    weight = torch.linspace(-1.0, 2.0, value.numel(), dtype=value.dtype).view_as(value)
    slope = (g_u * d_u).sum() + sum((a * b).sum() for a, b in zip(g, d, strict=True))
    start = [p.detach().clone() for p in net.parameters()]

    def remainder(eps: float) -> float:
        with torch.no_grad():
            for p, p0, direction in zip(net.parameters(), start, d, strict=True):
                p.copy_(p0 + eps * direction)
            return abs(float(((net(u + eps * d_u) - value) * weight).sum() - eps * slope))

    assert 3.6 < remainder(2e-4) / remainder(1e-4) < 4.4


TABLE = {
    40: {4: 2.6, 8: 1.75, 16: 1.55},
    100: {4: 3.74, 8: 2.45, 16: 1.82},
    256: {4: 5.2, 8: 3.14, 16: 2.33},
    1024: {4: 8.07, 8: 4.3, 16: 2.89, 32: 2.42},
}


@pytest.mark.parametrize(("steps", "slots"), [(n, c) for n, row in TABLE.items() for c in row])
def test_revolve_takes_the_tabulated_number_of_steps(steps: int, slots: int) -> None:
    assert abs(advances(steps, slots) / steps - TABLE[steps][slots]) < 0.006


@given(st.integers(1, 24), st.integers(1, 8))
def test_no_schedule_advances_less(steps: int, slots: int) -> None:
    """Against the optimum over all schedules, by dynamic programming."""
    best = {(n, c): 0 if n == 1 else n * (n - 1) // 2 for n in range(1, steps + 1) for c in range(1, slots + 1)}
    for n, c in product(range(2, steps + 1), range(2, slots + 1)):
        best[n, c] = min(m + best[n - m, c - 1] + best[m, c] for m in range(1, n))
    assert advances(steps, slots) == best[steps, slots]
    if steps > 1 and slots > 1:
        m = split(steps, slots)
        assert m + advances(steps - m, slots - 1) + advances(m, slots) == best[steps, slots]


class Counted(ForwardEuler):
    """Counts plain steps and linearised ones."""

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()

    def step(self, F, state, h):  # type: ignore[no-untyped-def]
        self.count["plain"] += 1
        return super().step(F, state, h)

    def linearise(self, F, state, h):  # type: ignore[no-untyped-def]
        self.count["linearised"] += 1
        return super().linearise(F, state, h)


@pytest.mark.parametrize(
    ("mode", "plain"),
    [
        (Taped(), 0),
        (Checkpointed(1), 40),
        (Checkpointed(), 40),
        (Checkpointed("block"), 40),
        (Revolve(4), advances(40, 4) + 1),  # the pass forth takes the last step, too
        (Revolve(16), advances(40, 16) + 1),
        (Revolve(40), 40),
    ],
)
def test_every_step_is_linearised_once_and_no_more_are_repeated(mode: Gradient, plain: int) -> None:
    F, step = Perceptron(2, 3), Counted()
    Flow(F, Constant(F), step, mode, 40, 1.0)(torch.randn(1, 2)).sum().backward()
    assert step.count == Counter(plain=plain, linearised=40) - Counter()


def peak(mode: Gradient, steps: int) -> int:
    F = Perceptron(16, 16)
    net, u = Flow(F, Constant(F), RK4(), mode, steps, 1.0), torch.randn(256, 16)
    return peak_bytes(lambda: net(u.clone().requires_grad_()).sum().backward())


def test_memory_is_that_of_the_formulas() -> None:
    """In states Z: ``3 s N`` for all linearisations, ``N``, ``sqrt(N)``, 1 and ``c`` for the checkpoints."""
    Z, N = 256 * 16 * 4, 25
    one = peak(Taped(), 1)  # a linearisation and what one step needs besides
    states = {
        "taped": (peak(Taped(), N) - one) / Z / (N - 1),
        "per step": (peak(Checkpointed(1), N) - one) / Z,
        "root": (peak(Checkpointed(), N) - peak(Taped(), 5)) / Z,
        "block": (peak(Checkpointed("block"), N) - peak(Taped(), N)) / Z,
        "revolve": (peak(Revolve(6), N) - one) / Z,
    }
    assert 12 <= states["taped"] <= 13.5  # u, two hidden layers, at 4 stages; one state more between the steps
    assert abs(states["per step"] - N) < 3 and abs(states["root"] - 5) < 3
    assert abs(states["block"]) < 3 and abs(states["revolve"] - 6) < 3


def test_a_tape_serves_one_backward_pass() -> None:
    F = Perceptron(2, 3)
    loss = Flow(F, Constant(F), RK4(), Taped(), 3, 1.0)(torch.randn(1, 2)).sum()
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="used up by its backward pass; a second one needs checkpointed"):
        loss.backward()


@pytest.mark.parametrize("mode", [Checkpointed(2), Revolve(3)])
def test_a_second_backward_pass_adds_the_same(mode: Gradient) -> None:
    F = Perceptron(2, 3)
    net = Flow(F, Constant(F), RK4(), mode, 7, 1.0).double()
    u = torch.randn(4, 2, dtype=torch.float64)
    once = gradients(net, u)[2:]
    loss = (net(u) * torch.linspace(-1.0, 2.0, 8, dtype=torch.float64).view(4, 2)).sum()
    loss.backward(retain_graph=True)
    loss.backward()
    assert_equal([p.grad for p in net.parameters() if p.grad is not None], [2 * g for g in once])


def test_shared_weights_need_the_memory_of_one_step() -> None:
    """The gradient of shared weights is summed in place, not per step."""
    F = Perceptron(64, 64)
    weights = 4 * sum(w.numel() for w in F.initial().values())
    net, u = Flow(F, Constant(F), ForwardEuler(), Checkpointed(1), 100, 1.0), torch.randn(1, 64)
    assert peak_bytes(lambda: net(u).sum().backward()) < 5 * weights


def test_bad_checkpoints_are_refused() -> None:
    for bad in (0, -1, "blok"):
        with pytest.raises(ValueError, match=f"every 1, 2, ... steps or every 'block', not every {bad}"):
            Checkpointed(bad)
    with pytest.raises(ValueError, match="slots >= 1, not 0"):
        Revolve(0)
