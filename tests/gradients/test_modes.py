"""Every gradient mode gives the derivative of the same loop."""

import gc
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from families import control, dynamics, features, identifier, points
from pdebridge.catalogue import INTEGRATORS
from pdebridge.cube import load
from pdebridge.dynamics.base import Dynamics, Instant, Theta
from pdebridge.dynamics.control import PiecewiseConstant
from pdebridge.dynamics.hamiltonian import Hamiltonian
from pdebridge.dynamics.parabolic import Parabolic
from pdebridge.gradients.allocation import Allocation, peak_bytes
from pdebridge.gradients.checkpointed import Checkpointed
from pdebridge.gradients.reversible import Reversible
from pdebridge.gradients.stored import stored
from pdebridge.gradients.taped import Taped
from pdebridge.integrators.base import Integrator
from pdebridge.integrators.euler import ForwardEuler
from pdebridge.integrators.leapfrog import Leapfrog
from pdebridge.integrators.verlet import Verlet
from pdebridge.networks.flow import Flow, Gradient

MODES: dict[str, Callable[[], Gradient]] = {
    "stored": lambda: stored,
    "checkpointed": Checkpointed,
    "every 3": lambda: Checkpointed(3),
    "reversible": Reversible,
}
POINTS = [
    (name, step, mode)
    for name, step in points()
    for mode in ("checkpointed", "every 3", "reversible")
    if mode != "reversible" or step.reversible
]


def flow(name: str, step: Integrator, mode: str, steps: int = 5) -> Flow:
    F = dynamics(name, steps)
    return Flow(F, control(F, steps), step, MODES[mode](), steps, 0.1 * steps)


def gradients(net: nn.Module, u: Tensor, wanted: bool = True) -> list[Tensor]:
    """Value and derivative of ``sum w u(T)`` in ``u`` and every weight."""
    u = u.detach().requires_grad_(wanted)
    inputs = [*([u] if wanted else []), *(p for p in net.parameters() if p.requires_grad)]
    out = net(u)
    weight = torch.linspace(-1.0, 2.0, out.numel(), dtype=out.dtype).view_as(out)
    return [out.detach(), *torch.autograd.grad((weight * out).sum(), inputs)]


def assert_equal(found: list[Tensor], expected: list[Tensor], tolerance: float = 1e-10) -> None:
    for a, b in zip(found, expected, strict=True):
        assert (a - b).abs().max() <= tolerance * max(1.0, float(b.abs().max()))


@pytest.mark.parametrize(("name", "step", "mode"), POINTS, ids=identifier)
def test_mode_equals_stored(name: str, step: Integrator, mode: str) -> None:
    u = features(name)
    expected = gradients(flow(name, step, "stored"), u)
    moving = [g for g in expected[1:] if g.abs().max() > 1e-8]
    assert len(moving) == len(expected) - 1 - 2 * (name == "conv time")  # biases before a norm of each channel
    assert_equal(gradients(flow(name, step, mode), u), expected)


@pytest.mark.parametrize(("name", "step"), points(), ids=identifier)
def test_taylor_remainder_has_slope_two(name: str, step: Integrator) -> None:
    """``f(x + eps d) - f(x) - eps f'(x) d = O(eps^2)`` for the stored gradient, in ``u`` and all weights together."""
    net, u = flow(name, step, "stored", 3), features(name)
    value, g_u, *g = gradients(net, u)
    torch.manual_seed(3)
    d_u, d = torch.randn_like(u), [torch.randn_like(p) for p in net.parameters()]
    weight = torch.linspace(-1.0, 2.0, value.numel(), dtype=value.dtype).view_as(value)
    slope = (g_u * d_u).sum() + sum((a * b).sum() for a, b in zip(g, d, strict=True))
    start = [p.detach().clone() for p in net.parameters()]

    def remainder(eps: float) -> float:
        with torch.no_grad():
            for p, p0, direction in zip(net.parameters(), start, d, strict=True):
                p.copy_(p0 + eps * direction)
            return float(((net(u + eps * d_u) - value) * weight).sum() - eps * slope)

    # a kink of ReLU may lie in a larger neighbourhood; a wrong gradient has slope one in all
    slopes = [abs(remainder(2 * eps)) / abs(remainder(eps)) for eps in (1e-5, 1e-6, 2e-7)]
    assert any(3.5 < slope < 4.5 for slope in slopes), slopes


@pytest.mark.parametrize(("name", "step"), points(reversible=True), ids=identifier)
def test_general_pullback_equals_the_written_one(name: str, step: Integrator) -> None:
    u = features(name)
    expected = gradients(flow(name, step, "reversible"), u)
    plain = type("General", (type(step),), {"pullback": Integrator.pullback})()
    assert_equal(gradients(flow(name, plain, "reversible"), u), expected)


FIXED = [s for s in map(load, INTEGRATORS.values()) if s.reversible and not s.adaptive]


@pytest.mark.parametrize("step", FIXED, ids=lambda s: s.__name__)
@pytest.mark.parametrize("steps", [1, 2])
def test_short_blocks(step: type[Integrator], steps: int) -> None:
    name = next(name for name, s in points(reversible=True) if type(s) is step)
    u = features(name)
    assert_equal(
        gradients(flow(name, step(), "reversible", steps), u), gradients(flow(name, step(), "stored", steps), u)
    )


def test_a_reversible_gradient_refuses_other_integrators() -> None:
    F = Parabolic(4)
    with pytest.raises(ValueError, match=r"ForwardEuler has no algebraic inverse; .*midpoint \(explicit\), .*verlet"):
        Flow(F, PiecewiseConstant(F, 2), ForwardEuler(), Reversible, 2, 1.0)
    with pytest.raises(ValueError, match="Verlet integrates partitioned dynamics, Parabolic is explicit"):
        Flow(F, PiecewiseConstant(F, 2), Verlet(), stored, 2, 1.0)
    with pytest.raises(ValueError, match="not every 0"):
        Checkpointed(0)


@pytest.mark.parametrize("mode", ["checkpointed", "reversible"])
def test_frozen_weights_and_inputs(mode: str) -> None:
    def frozen(mode: str) -> Flow:
        net = flow("conv hamiltonian", Verlet(), mode)
        net.control.K1.requires_grad_(False)
        return net

    u = features("conv hamiltonian")
    assert_equal(gradients(frozen(mode), u), gradients(frozen("stored"), u))
    assert_equal(gradients(frozen(mode), u, wanted=False), gradients(frozen("stored"), u, wanted=False))
    with torch.no_grad():
        assert not frozen(mode)(u).requires_grad


class Twice(nn.Module):
    """One block used twice in a row."""

    def __init__(self, net: Flow) -> None:
        super().__init__()
        self.net = net

    def forward(self, u: Tensor) -> Tensor:
        return self.net(torch.tanh(self.net(u)))


@pytest.mark.parametrize("mode", ["checkpointed", "reversible"])
@pytest.mark.parametrize("name", ["conv hamiltonian", "conv hamiltonian, batch"])
def test_a_block_used_twice(name: str, mode: str) -> None:
    u = features(name)
    nets = [Twice(flow(name, Verlet(), m)) for m in (mode, "stored")]
    assert_equal(*(gradients(net, u) for net in nets))


@pytest.mark.parametrize("mode", ["checkpointed", "reversible"])
def test_gradients_accumulate_and_backward_runs_twice(mode: str) -> None:
    u, net = features("conv hamiltonian"), flow("conv hamiltonian", Verlet(), mode)
    once = gradients(net, u)[2:]
    loss = (net(u) * torch.linspace(-1.0, 2.0, u.numel(), dtype=u.dtype).view_as(u)).sum()
    loss.backward(retain_graph=True)
    loss.backward()
    assert_equal([p.grad for p in net.parameters() if p.grad is not None], [2 * g for g in once])


@pytest.mark.parametrize("mode", ["checkpointed", "every 3", "reversible"])
def test_running_statistics_are_updated_once(mode: str) -> None:
    u = features("conv hamiltonian, batch")
    nets = [flow("conv hamiltonian, batch", Verlet(), m) for m in (mode, "stored")]
    for net in nets:
        gradients(net, u)
    seen, expected = (dict(net.dynamics.named_buffers()) for net in nets)
    assert len(expected) == 8
    for name, buffer in expected.items():
        assert buffer.abs().max() > 0
        torch.testing.assert_close(seen[name], buffer)


class Dropout(Parabolic):
    """A right-hand side that draws random numbers."""

    stochastic = True
    structure = "second-order"

    def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
        return nn.functional.dropout(super().forward(u, theta, at), 0.3)


@pytest.mark.parametrize("mode", ["checkpointed", "every 3", "reversible"])
def test_random_numbers_are_drawn_again(mode: str) -> None:
    def run(mode: str) -> list[Tensor]:
        F = Dropout(4).double()
        net = Flow(F, control(F, 5), Leapfrog(), MODES[mode](), 5, 0.5)
        torch.manual_seed(7)
        return [*gradients(net, features("conv parabolic")), torch.rand(3)]

    assert_equal(run(mode), run("stored"))


@pytest.mark.parametrize("mode", ["stored", "checkpointed", "reversible"])
@pytest.mark.parametrize(("name", "step"), [("conv hamiltonian", Verlet()), ("conv second-order", Leapfrog())])
def test_autocast_keeps_states_in_float32(name: str, step: Integrator, mode: str) -> None:
    """Under bf16 autocast the features stay float32 and the modes differ by the rounding of ``F`` only."""
    u = features(name).float()

    def run(mode: str, low: bool) -> list[Tensor]:
        net = flow(name, step, mode).float()
        with torch.autocast("cpu", torch.bfloat16, enabled=low):
            return gradients(net, u.bfloat16() if low and mode == "stored" else u)

    net = flow(name, step, mode).float()
    dtypes: list[torch.dtype] = []
    net.dynamics.register_forward_hook(lambda _, args, out: dtypes.extend((args[0].dtype, out.dtype)))
    with torch.autocast("cpu", torch.bfloat16):
        out = net(u.bfloat16())
        assert out.dtype is torch.float32
    out.sum().backward()
    assert set(dtypes[0::2]) == {torch.float32} and set(dtypes[1::2]) == {torch.bfloat16}
    exact = run("stored", low=False)
    for low, full in zip(run(mode, low=True), exact, strict=True):
        error = (low - full).norm() / full.norm()
        assert 1e-5 < error < 0.1  # 2^-8 an operation; how they add up depends on the processor's kernels


@pytest.mark.parametrize("mode", ["checkpointed", "reversible"])
def test_compiled_model_has_the_same_gradient(mode: str) -> None:
    """``torch.compile`` leaves the reversible block as it is and compiles what surrounds it."""

    class Net(nn.Module):
        def __init__(self, mode: str) -> None:
            super().__init__()
            self.net = flow("conv hamiltonian", Verlet(), mode)

        def forward(self, u: Tensor) -> Tensor:
            return torch.tanh(self.net(torch.tanh(u)))

    u = features("conv hamiltonian")
    torch.compiler.reset()
    found = gradients(torch.compile(Net(mode), backend="aot_eager"), u)
    assert_equal(found, gradients(Net("stored"), u))


def rough(bound: float) -> tuple[Flow, Tensor]:
    """A chaotic block: tanh without normalisation, large kernels, h = 1 (reversal loses all digits)."""
    torch.manual_seed(0)
    F = Hamiltonian(16, activation="tanh", normalisation="none", scale=0.4)
    return Flow(F, PiecewiseConstant(F, 60), Verlet(), Reversible(bound), 60, 60.0), torch.randn(2, 16, 8, 8)


def test_monitor_reports_the_error_and_falls_back_once() -> None:
    net, u = rough(1e-2)
    with pytest.warns(UserWarning, match="in this block of 60 steps of h = 1 .* checkpointed, in this pass and from"):
        first = gradients(net, u)
    assert net.gradient.error > 1e-2
    assert net.gradient.fallen and type(net.gradient.fallback) is Checkpointed
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        second = gradients(net, u)
    net.gradient = stored
    exact = gradients(net, u)
    for found in (first, second):
        for a, b in zip(found, exact, strict=True):
            assert (a - b).norm() <= 1e-2 * b.norm()  # float32 in a block that magnifies rounding


def test_monitor_raises_or_warns_alone_where_it_is_told_so() -> None:
    net, u = rough(1e-2)
    net.gradient.beyond = "raise"
    with pytest.raises(ArithmeticError, match="recomputed features are wrong by"):
        net(u).sum().backward()
    net.gradient = Reversible(beyond="warn")
    with pytest.warns(UserWarning, match="its gradient is as wrong"):
        net(u).sum().backward()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net(u).sum().backward()
    with pytest.raises(ValueError, match="did you mean 'raise'"):
        Reversible(beyond="raises")


def test_monitor_is_small_for_a_stable_block_and_for_zero() -> None:
    net = flow("conv hamiltonian", Verlet(), "reversible")
    gradients(net, features("conv hamiltonian"))
    assert 0 < net.gradient.error < 1e-14
    gradients(net, torch.zeros_like(features("conv hamiltonian")))
    assert net.gradient.error < 1  # defined, not 0/0


def training_step(mode: str, steps: int) -> Callable[[], Any]:
    F = Hamiltonian(4)
    net = Flow(F, PiecewiseConstant(F, steps), Verlet(), MODES[mode](), steps, 0.1 * steps)
    u = torch.randn(16, 4, 12, 12)
    for p in net.parameters():
        p.grad = torch.zeros_like(p)
    return lambda: net(u.clone().requires_grad_()).square().sum().backward()


def test_reversible_memory_does_not_grow_with_depth() -> None:
    """From 10 to 400 steps the peak of a training step grows by the weights' gradients alone."""

    def activations(steps: int) -> int:
        F = Hamiltonian(4)
        weights = 4 * steps * sum(w.numel() for w in F.initial().values())
        return peak_bytes(training_step("reversible", steps)) - weights

    short, long = activations(10), activations(400)
    assert abs(long / short - 1) < 0.05
    assert peak_bytes(training_step("stored", 40)) > 3 * peak_bytes(training_step("stored", 10))


def test_checkpointed_memory_grows_like_the_root() -> None:
    ratio = peak_bytes(training_step("checkpointed", 100)) / peak_bytes(training_step("checkpointed", 25))
    assert 1.6 < ratio < 2.4


def test_block_frees_its_states() -> None:
    """Between the passes the last state and the result are alive, besides the input."""
    net, u = flow("conv hamiltonian", Verlet(), "reversible", 20), features("conv hamiltonian").requires_grad_()
    with Allocation() as allocation:
        out = net(u)
        assert allocation.live == 2 * out.untyped_storage().nbytes()


def test_no_collector_walks_the_growing_tape() -> None:
    """The steps of a tape run no collection of Python's reference cycles; a failing step switches it on again."""
    made, collections = Parabolic(2), []
    flow = Flow(made, PiecewiseConstant(made, 500), ForwardEuler(), Taped(), 500, 1.0)
    u = torch.randn(1, 2, 4, 4)
    note = lambda phase, info: collections.append(phase)  # noqa: E731
    gc.collect()
    gc.callbacks.append(note)
    try:
        flow(u)
    finally:
        gc.callbacks.remove(note)
    assert collections.count("start") <= 2  # of the calls around the loop
    with pytest.raises(RuntimeError):
        flow(torch.randn(1, 3, 4, 4))
    assert gc.isenabled()


def test_dynamics_without_weights() -> None:
    class Spring(Dynamics):
        structure = "second-order"

        def initial(self) -> dict[str, Tensor]:
            return {}

        def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
            return -u

    u = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    by_mode = [MODES[m]()(Leapfrog(), Spring(), (), u, 6, 0.2) for m in ("stored", "checkpointed", "reversible")]
    derivatives = [torch.autograd.grad(out.square().sum(), u)[0] for out in by_mode]
    assert_equal(derivatives[1:], derivatives[:1] * 2)
