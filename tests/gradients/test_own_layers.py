"""Layers of a user's own have the stored gradient in every mode, or are refused."""

import gc
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from families import control
from pdebridge.catalogue import CONTROLS, DYNAMICS
from pdebridge.cube import load
from pdebridge.dynamics.base import Dynamics, Instant, Theta
from pdebridge.dynamics.dense import Dense
from pdebridge.dynamics.half_damped import HalfDamped
from pdebridge.dynamics.hamiltonian import Hamiltonian
from pdebridge.dynamics.normalisation import TVNorm
from pdebridge.dynamics.operator import Convolution, DenseOperator
from pdebridge.dynamics.parabolic import Parabolic
from pdebridge.dynamics.perceptron import Perceptron
from pdebridge.dynamics.residual import Coupling, Residual
from pdebridge.dynamics.time_convolution import TimeConvolution
from pdebridge.gradients.allocation import Allocation
from pdebridge.gradients.checkpointed import Checkpointed, Revolve
from pdebridge.gradients.frozen_steps import FrozenSteps
from pdebridge.gradients.layer_parallel import LayerParallel
from pdebridge.gradients.reverse_time import ReverseTime
from pdebridge.gradients.reversible import Reversible
from pdebridge.gradients.stored import stored
from pdebridge.gradients.taped import Taped
from pdebridge.integrators.base import Integrator
from pdebridge.integrators.dormand_prince import DormandPrince
from pdebridge.integrators.euler import ForwardEuler
from pdebridge.integrators.leapfrog import Leapfrog
from pdebridge.integrators.midpoint import Midpoint
from pdebridge.integrators.runge_kutta import RK4
from pdebridge.integrators.verlet import Verlet
from pdebridge.networks.flow import Flow, Gradient

STEPS = 8
PLAIN: dict[str, Any] = {"operator": "dense", "normalisation": "none", "activation": "tanh"}
MODES: dict[str, Callable[[], Gradient]] = {
    "taped": Taped,
    "checkpointed": Checkpointed,
    "every step": lambda: Checkpointed(1),
    "revolve": lambda: Revolve(3),
    "layer-parallel": lambda: LayerParallel(cycles=4, factor=2),
}


def leaking(parent: type[Dynamics]) -> type[Dynamics]:
    """The layer with a term more, and nothing else changed."""

    class Leaking(parent):  # type: ignore[valid-type, misc]
        def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
            return super().forward(u, theta, at, part) - u

    return Leaking


class Leak:
    """The same as a class to be mixed in."""

    def forward(self, u: Tensor, *rest: Any) -> Tensor:
        return super().forward(u, *rest) - u  # type: ignore[misc, no-any-return]


class MixedIn(Leak, Parabolic):
    pass


class Doubled(Dense):
    def matrix(self, K: Tensor) -> Tensor:
        return 2 * K + K.square()


class Clipped(Perceptron):
    def affine(self, theta: Theta, at: Instant) -> list[tuple[Tensor, Tensor]]:
        return [(torch.sin(W), b) for W, b in super().affine(theta, at)]


class Steep(TVNorm):
    def forward(self, a: Tensor, affine: Theta, at: Instant) -> Tensor:
        return super().forward(a, affine, at) + a.square()


class Periodic(Convolution):
    def __call__(self, K: Tensor, u: Tensor, b: Tensor | None = None) -> Tensor:
        return nn.functional.conv2d(nn.functional.pad(u, (1, 1, 1, 1), mode="circular"), K, b)


class Scaled(DenseOperator):
    def __call__(self, K: Tensor, u: Tensor, b: Tensor | None = None) -> Tensor:
        return super().__call__(K.sin(), u, b)


def with_part(F: Parabolic, **parts: Any) -> Parabolic:
    for name, part in parts.items():
        setattr(F, name, part)
    return F


def patched(F: Dynamics) -> Dynamics:
    """The layer whose forward is replaced on the object."""
    plain = F.forward
    F.forward = lambda u, *rest: plain(u, *rest) - u  # type: ignore[method-assign]
    return F


def hooked(F: Dynamics) -> Dynamics:
    """The layer whose value a hook changes."""
    F.register_forward_hook(lambda _, args, f: f - args[0])
    return F


EXPLICIT: dict[str, Callable[[], Dynamics]] = {
    "parabolic": lambda: leaking(Parabolic)(4, **PLAIN),
    "tv": lambda: leaking(Parabolic)(4, operator="dense"),
    "dense": lambda: leaking(Dense)(4),
    "perceptron": lambda: leaking(Perceptron)(4, 5),
    "half-damped": lambda: leaking(HalfDamped)(4, 2.0, 5),
    "time convolution": lambda: leaking(TimeConvolution)(4),
    "mixed in": lambda: MixedIn(4, **PLAIN),
    "matrix": lambda: Doubled(4),
    "affine": lambda: Clipped(4, 5),
    "norm": lambda: with_part(Parabolic(4, operator="dense"), norm=Steep(4)),
    "operator": lambda: with_part(Parabolic(4, **PLAIN), operator=Scaled(4)),
    "boundary": lambda: with_part(Parabolic(4), operator=Periodic(4)),
    "residual": lambda: Residual(4, prenormalise=False, **PLAIN),
    "object": lambda: patched(Parabolic(4, **PLAIN)),
    "hook": lambda: hooked(Parabolic(4, **PLAIN)),
}
IMAGES = ("time convolution", "boundary")


def features(name: str, batch: int = 3) -> Tensor:
    size = (batch, 4, 6, 5) if name in IMAGES else (batch, 4)
    return torch.randn(size, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def gradients(net: nn.Module, u: Tensor) -> list[Tensor]:
    """Value and derivative of ``sum w u(T)`` in ``u`` and every weight, and what random numbers come next."""
    torch.manual_seed(7)
    u = u.detach().requires_grad_()
    out = net(u)
    weight = torch.linspace(-1.0, 2.0, out.numel(), dtype=out.dtype).view_as(out)
    inputs = [u, *(p for p in net.parameters() if p.requires_grad)]
    return [out.detach(), *torch.autograd.grad((weight * out).sum(), inputs, materialize_grads=True), torch.rand(2)]


def assert_same(found: list[Tensor], expected: list[Tensor], tolerance: float = 1e-9) -> None:
    for a, b in zip(found, expected, strict=True):
        assert (a - b).abs().max() <= tolerance * max(1.0, float(b.abs().max()))


def pair(make: Callable[[], Dynamics], step: Integrator, mode: Gradient) -> tuple[Flow, Flow]:
    """The same network twice: by stored, and by another mode."""
    nets = []
    for gradient in (stored, mode):
        torch.manual_seed(3)
        F = make().double()
        nets.append(Flow(F, control(F, STEPS), step, gradient, STEPS, 0.1 * STEPS))
    return nets[0], nets[1]


@pytest.mark.parametrize("step", [ForwardEuler(), RK4()])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", EXPLICIT)
def test_a_changed_layer_has_the_gradient_of_what_it_computes(name: str, mode: str, step: Integrator) -> None:
    exact, found = pair(EXPLICIT[name], step, MODES[mode]())
    u = features(name)
    assert_same(gradients(found, u), gradients(exact, u))


@pytest.mark.parametrize("mode", [Taped, Checkpointed, Reversible])
@pytest.mark.parametrize(
    "make",
    [
        lambda: leaking(Hamiltonian)(8, **PLAIN),
        lambda: leaking(Coupling)(8, **PLAIN),
        lambda: Coupling(8, (False, False), **PLAIN),
    ],
)
def test_a_changed_pair_has_the_gradient_of_what_it_computes(
    make: Callable[[], Dynamics], mode: type[Gradient]
) -> None:
    exact, found = pair(make, Verlet(), mode())  # type: ignore[call-arg]
    u = torch.randn(3, 8, dtype=torch.float64)
    assert_same(gradients(found, u), gradients(exact, u))


def test_closed_forms_of_the_package_are_where_they_should_be() -> None:
    """A list, so that a base class's new method does not cost a layer its closed form unseen."""
    closed = {name for name, at in DYNAMICS.items() if load(at).closed_form is not Dynamics.closed_form}
    assert closed >= {
        "dense",
        "antisymmetric",
        "parabolic",
        "second-order",
        "hamiltonian",
        "coupling",
        "perceptron",
    } | {
        "half-damped",
        "time-convolution",
    }
    assert not closed & {"residual", "hamiltonian-pair", "imex", "post-activation"}


def test_a_changed_layer_has_no_inherited_bound() -> None:
    F = leaking(Parabolic)(4, **PLAIN)
    assert F.spectrum(tuple(F.initial().values())) is None


class Damped(ForwardEuler):
    """A step that is changed alone."""

    def step(self, F: Any, state: Any, h: float) -> Any:
        (u,) = super().step(F, state, h)
        return (0.9 * u,)


class DampedVerlet(Verlet):
    def step(self, F: Any, state: Any, h: float) -> Any:
        y, z = super().step(F, state, h)
        return (0.9 * y, z)


def test_a_changed_step_has_its_own_derivative_and_no_inverse() -> None:
    for mode in MODES.values():
        exact, found = pair(lambda: Dense(4), Damped(), mode())
        assert_same(gradients(found, features("dense")), gradients(exact, features("dense")))
    F = Hamiltonian(4, **PLAIN)
    with pytest.raises(ValueError, match="DampedVerlet has no algebraic inverse"):
        Flow(F, control(F, 2), DampedVerlet(), Reversible, 2, 1.0)


class Gated(Parabolic):
    """Parameters of its own, used twice, beside the weights of the steps."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.gate, self.inner = nn.Parameter(torch.randn(4)), nn.Linear(4, 4)
        self.frozen = nn.Parameter(torch.randn(4), requires_grad=False)

    def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
        return self.gate * super().forward(self.inner(u), theta, at) - self.gate * self.frozen * u


@pytest.mark.parametrize("kind", ["piecewise-constant", "piecewise-linear", "constant"])
@pytest.mark.parametrize("mode", MODES)
def test_parameters_of_the_layer_have_their_gradient(mode: str, kind: str) -> None:
    torch.manual_seed(3)
    F = Gated(4, **PLAIN).double()
    theta = load(CONTROLS[kind])(F, *(() if kind == "constant" else (STEPS,))).double()
    nets = [Flow(F, theta, RK4(), m, STEPS, 0.8) for m in (stored, MODES[mode]())]
    assert_same(*(gradients(net, features("dense")) for net in nets))


def test_parameters_have_their_gradient_by_reversal_and_by_the_adjoint_equation() -> None:
    exact, found = pair(lambda: Gated(4, **PLAIN), Midpoint(), Reversible())
    assert_same(gradients(found, features("dense")), gradients(exact, features("dense")))
    for mode, tolerance in ((FrozenSteps(), 1e-9), (Taped(), 1e-9), (ReverseTime(), 1e-4)):
        exact, found = pair(lambda: Gated(4, **PLAIN), DormandPrince(1e-7), mode)
        assert_same(gradients(found, features("dense")), gradients(exact, features("dense")), tolerance)


def test_a_captured_tensor_is_refused() -> None:
    gate = torch.randn(4, dtype=torch.float64, requires_grad=True)

    class Captured(Dense):
        def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
            return gate.tanh() * super().forward(u, theta, at)

    for mode in MODES.values():
        _, found = pair(lambda: Captured(4), ForwardEuler(), mode())
        with pytest.raises(RuntimeError, match="neither a weight, named by initial.* nor an nn.Parameter"):
            gradients(found, features("dense"))


class Noisy(Dense):
    """Random numbers and statistics that nobody announced."""

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.norm, self.before = nn.BatchNorm1d(width, affine=False), nn.BatchNorm1d(width)
        self.register_buffer("count", torch.zeros(()))

    def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
        self.count = self.count + 1.0
        return dropout(self.norm(super().forward(self.before(u), theta, at)) / self.count, 0.3)


@pytest.mark.parametrize("mode", ["taped", "checkpointed", "every step", "revolve"])
@pytest.mark.parametrize("step", [ForwardEuler(), RK4()])
def test_random_numbers_and_statistics_come_once(mode: str, step: Integrator) -> None:
    exact, found = pair(lambda: Noisy(4), step, MODES[mode]())
    assert_same(gradients(found, features("dense")), gradients(exact, features("dense")))
    for a, b in zip(found.dynamics.buffers(), exact.dynamics.buffers(), strict=True):
        torch.testing.assert_close(a, b)
    assert float(exact.dynamics.count) == STEPS * step.stages  # type: ignore[arg-type]


def test_random_numbers_are_refused_where_they_cannot_come_again() -> None:
    for step, mode in ((RK4(), ReverseTime()), (ForwardEuler(), LayerParallel(factor=2))):
        _, found = pair(lambda: Noisy(4), step, Taped())
        found.gradient = mode  # BatchNorm is refused at construction, random numbers are met
        found.dynamics.norm = found.dynamics.before = nn.Identity()
        with pytest.raises(RuntimeError, match="draws random numbers|randomness"):
            gradients(found, features("dense"))


def test_a_layer_that_changes_its_argument_is_refused() -> None:
    class InPlace(Dense):
        def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
            return super().forward(u.mul_(0.5), theta, at)

    _, found = pair(lambda: InPlace(4), ForwardEuler(), Checkpointed())
    with pytest.raises(RuntimeError, match="changes its argument u in place"):
        found(features("dense") * torch.ones((), dtype=torch.float64, requires_grad=True))


EVERY = MODES | {"reversible": Reversible}


@pytest.mark.parametrize("mode", EVERY)
def test_a_batch_that_is_refilled_before_the_backward_pass_is_noticed(mode: str) -> None:
    _, found = pair(lambda: Dense(4), Midpoint() if mode == "reversible" else ForwardEuler(), EVERY[mode]())
    u = features("dense")
    loss = found(u).sum()
    u.normal_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("mode", EVERY)
@pytest.mark.parametrize("step", [ForwardEuler(), Midpoint(), Leapfrog()])
def test_a_result_that_is_overwritten_is_noticed_or_not_needed(step: Integrator, mode: str) -> None:
    if (mode == "reversible" and not step.reversible) or (mode == "layer-parallel" and not step.one_step):
        pytest.skip("does not fit")
    from pdebridge.dynamics.parabolic import SecondOrder

    exact, found = pair(
        lambda: (SecondOrder if isinstance(step, Leapfrog) else Parabolic)(4, **PLAIN), step, EVERY[mode]()
    )
    nets = [nn.Sequential(net, nn.ReLU(inplace=True)) for net in (found, exact)]
    try:
        ours = gradients(nets[0], features("dense"))
    except RuntimeError as error:
        assert "modified by an inplace operation" in str(error)
        assert mode in ("reversible", "layer-parallel")
    else:
        assert_same(ours, gradients(nets[1], features("dense")))


def test_checkpoints_are_released_by_the_backward_pass() -> None:
    """While the loss of one iteration lives, the next one does not hold the states of both."""
    _, found = pair(lambda: Dense(4), ForwardEuler(), Checkpointed(1))
    u = torch.randn(1000, 4, dtype=torch.float64)
    gc.collect()
    with Allocation() as allocation:
        loss = found(u).sum()
        held = allocation.live
        loss.backward()
        assert allocation.live < held / 4
    loss = found(u).sum()
    loss.backward(retain_graph=True)
    loss.backward()


@pytest.mark.parametrize("mode", EVERY)
def test_hessian_vector_products(mode: str) -> None:
    step = Midpoint() if mode == "reversible" else ForwardEuler()

    def product(net: Flow) -> list[Tensor]:
        u = features("dense").requires_grad_()
        inputs = [u, *net.parameters()]
        g = torch.autograd.grad(net(u).square().sum(), inputs, create_graph=True)
        return list(torch.autograd.grad(sum(d.tanh().sum() for d in g), inputs))

    exact, found = pair(lambda: Dense(4), step, EVERY[mode]())
    assert_same(product(found), product(exact))


def test_gradcheck_and_gradgradcheck() -> None:
    _, found = pair(lambda: Gated(4, **PLAIN), ForwardEuler(), Checkpointed())
    u = features("dense", 2).requires_grad_()
    assert torch.autograd.gradcheck(found, u, check_batched_grad=True, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(found, u)


def test_transforms_of_functions() -> None:
    exact, found = pair(lambda: Dense(4), ForwardEuler(), Checkpointed())
    u = features("dense")
    for transform in (torch.func.jacrev, torch.func.jacfwd, torch.func.hessian):
        jacobians = [transform(lambda v, net=net: net(v).square().sum())(u) for net in (found, exact)]
        torch.testing.assert_close(*jacobians)
    rows = torch.func.vmap(lambda v: found(v[None])[0])(u)
    torch.testing.assert_close(rows, exact(u))


@pytest.mark.parametrize("mode", EVERY)
@pytest.mark.parametrize("make", [lambda: Dense(4), lambda: Gated(4, **PLAIN), lambda: Perceptron(4, 5)])
def test_an_empty_batch(make: Callable[[], Dynamics], mode: str) -> None:
    _, found = pair(make, Midpoint() if mode == "reversible" else ForwardEuler(), EVERY[mode]())
    out, *g, _ = gradients(found, features("dense", 0))
    assert out.shape == (0, 4) and all(not d.any() for d in g)


def test_forward_hooks_fire_in_every_mode() -> None:
    for mode in EVERY.values():
        _, found = pair(lambda: Parabolic(4, **PLAIN), Midpoint() if mode is Reversible else ForwardEuler(), mode())
        calls: list[int] = []
        found.dynamics.norm.register_forward_hook(lambda *_, calls=calls: calls.append(1))
        found(features("dense").requires_grad_()).sum().backward()
        assert len(calls) >= (1 if isinstance(found.gradient, LayerParallel) else STEPS)
