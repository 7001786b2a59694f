"""What used to be wrong without a word: each case with its right value, or with the error that it raises."""

import math
import multiprocessing
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pdebridge.dynamics.activation import ACTIVATIONS, activation_named
from pdebridge.dynamics.base import Dynamics, Instant, Theta
from pdebridge.dynamics.control import Constant, PiecewiseConstant
from pdebridge.dynamics.dense import Dense
from pdebridge.dynamics.normalisation import GroupNorm, TVNorm
from pdebridge.dynamics.parabolic import Parabolic
from pdebridge.dynamics.perceptron import Perceptron
from pdebridge.dynamics.spline import BSpline, PiecewiseLinear
from pdebridge.gradients.checkpointed import Checkpointed
from pdebridge.gradients.frozen_steps import FrozenSteps
from pdebridge.gradients.layer_parallel import LayerParallel
from pdebridge.gradients.reverse_time import ReverseTime
from pdebridge.gradients.stored import stored
from pdebridge.gradients.taped import Taped
from pdebridge.integrators.chebyshev import reaching
from pdebridge.integrators.dormand_prince import DormandPrince
from pdebridge.integrators.euler import ForwardEuler
from pdebridge.integrators.runge_kutta import RK4
from pdebridge.networks.flow import Flow, Gradient, flow
from pdebridge.networks.regularisation import smoothness, tikhonov, total_variation

PLAIN: dict[str, Any] = {"operator": "dense", "normalisation": "none", "activation": "tanh"}


def gradients(net: nn.Module, u: Tensor) -> list[Tensor]:
    u = u.clone().requires_grad_()
    return list(torch.autograd.grad(net(u).abs().square().sum(), [u, *net.parameters()]))


def distance(found: list[Tensor], exact: list[Tensor]) -> float:
    return max(float((a - b).norm() / b.norm()) for a, b in zip(found, exact, strict=True))


def damped(mode: Gradient, share: float, repeat: bool) -> tuple[Flow, Tensor]:
    """64 parabolic Euler steps of a share of the largest one that is certified."""
    torch.manual_seed(0)
    F = Parabolic(8, scale=1.0, **PLAIN)
    theta = PiecewiseConstant(F, 64, repeat).double()
    rate = max(float(torch.linalg.matrix_norm(K.detach(), 2)) ** 2 for K in theta.K)
    net = Flow(F, theta, ForwardEuler(), mode, 64, 64 * share * 2 / rate)
    return net, torch.randn(16, 8, dtype=torch.float64)


@pytest.mark.parametrize("repeat", [False, True])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("options", [{}, {"coarse": "stable"}, {"cycles": 6}, {"cycles": 6, "coarse": "stable"}])
def test_layer_parallel_near_the_largest_step_is_right_or_warns_and_is_right(
    options: dict[str, Any], share: float, repeat: bool
) -> None:
    exact = gradients(*damped(stored, share, repeat))
    net, u = damped(LayerParallel(**options), share, repeat)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = gradients(net, u)
    assert net.gradient.fallen == any("one by one" in str(w.message) for w in said)  # type: ignore[union-attr]
    assert distance(found, exact) < (1e-10 if said else 0.06)
    assert repeat or share == 0.1 or said  # independent weights near the limit have no useful coarse problem
    if repeat and options == {"cycles": 6, "coarse": "stable"}:
        assert not said and distance(found, exact) < 2e-3


@pytest.mark.parametrize("limit", [2.0, 8.0, 32.0, 200.0])
def test_chebyshev_steps_are_stable_as_far_as_they_say(limit: float) -> None:
    method = reaching(limit)
    assert method.real_limit >= limit and method.stages < math.sqrt(limit / 2) + 2
    z = torch.linspace(-method.real_limit, 0, 2001, dtype=torch.float64)
    (growth,) = method.step(lambda u, c: z * u, (torch.ones_like(z),), 1.0)  # type: ignore[arg-type]
    assert growth.abs().max() <= 1 + 1e-12
    assert growth[-10] == pytest.approx(math.exp(float(z[-10])), abs=float(z[-10]) ** 2)
    (beyond,) = method.step(lambda u, c: -1.01 * method.real_limit * u, (torch.ones(1),), 1.0)  # type: ignore[arg-type]
    assert beyond.abs() > 1


class Scalar(Dynamics):
    structure = "explicit"

    def initial(self) -> dict[str, Tensor]:
        return {"w": torch.ones(1, dtype=torch.float64)}

    def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
        return -theta[0] * u


CONTROLS: dict[str, Callable[[int], Any]] = {
    "constant": lambda n: Constant(Scalar()),
    "piecewise-linear": lambda n: PiecewiseLinear(Scalar(), 5),
    "b-spline": lambda n: BSpline(Scalar(), 7),
    "piecewise-constant": lambda n: PiecewiseConstant(Scalar(), n),
}


@pytest.mark.parametrize("name", CONTROLS)
@pytest.mark.parametrize("steps", [8, 32, 64])
def test_penalties_do_not_depend_on_the_steps(steps: int, name: str) -> None:
    """``theta = 1`` on ``[0, T]`` has ``T/2``; ``theta = t`` has ``T/2`` and, continuous, ``T^3/6``."""
    T = 1.5
    net = Flow(Scalar(), CONTROLS[name](steps), ForwardEuler(), stored, steps, T)
    assert tikhonov(net).item() == pytest.approx(T / 2, rel=1e-12)
    if name == "constant":
        with pytest.raises(ValueError, match="nothing to smooth"):
            smoothness(net)
        return
    w = net.control.w
    n = len(w)
    grids = {"piecewise-linear": torch.linspace(0, T, n), "piecewise-constant": torch.arange(n) * T / n}
    greville = torch.tensor([0, 1 / 3, 1, 2, 3, 11 / 3, 4]) / 4 * T  # where a cubic's coefficients of t stand
    w.data = grids.get(name, greville).double()[:, None]
    ends = (T - T / n) if name == "piecewise-constant" else T
    assert smoothness(net).item() == pytest.approx(ends / 2, rel=1e-6)
    assert total_variation(net, 1e-12).item() == pytest.approx(ends, rel=1e-6)
    if name != "piecewise-constant":
        assert tikhonov(net).item() == pytest.approx(T**3 / 6, rel=1e-6)


def test_penalties_of_a_spline_are_the_integrals() -> None:
    torch.manual_seed(0)
    net = Flow(Scalar(), BSpline(Scalar(), 9), ForwardEuler(), stored, 3, 2.0)
    net.control.w.data.normal_()
    (fine,) = net.control.sample(20000, (0.5,))
    h, fine = 2.0 / 20000, fine.flatten()
    fine = fine.detach()
    assert tikhonov(net).item() == pytest.approx(float(fine.square().sum() * h / 2), rel=1e-6)
    assert smoothness(net).item() == pytest.approx(float((fine.diff() / h).square().sum() * h / 2), rel=1e-3)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_small_arguments_of_tanh_survive_half_precision(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    F, u = Perceptron(8, 16, time=False), 0.01 * torch.randn(64, 8)
    theta = tuple(0.1 * w for w in F.initial().values())
    theta = tuple(w if w.ndim == 2 else 0 * w for w in theta)
    exact = F(u, theta, Instant(0, 0.0, 1.0))
    with torch.autocast("cpu", dtype), torch.no_grad():
        found = F(u, theta, Instant(0, 0.0, 1.0))
    assert (found - exact).norm() < 0.02 * exact.norm()


@pytest.mark.parametrize("norm", [GroupNorm(64, 4), TVNorm(64)])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_moments_do_not_overflow_half_precision(norm: Any, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    a = (50 * torch.randn(2, 64, 32, 32)).contiguous(memory_format=torch.channels_last)
    affine = tuple(norm.initial().values())
    exact = norm(a, affine, Instant(0, 0.0, 1.0))
    low = tuple(w.to(dtype) for w in affine)
    with torch.no_grad():
        found = norm(a.to(dtype), low, Instant(0, 0.0, 1.0))
    value, pull = norm.linearise(a.to(dtype), low)
    assert found.dtype == value.dtype == dtype
    for one in (found, value):
        assert (one.float() - exact).norm() < 0.02 * exact.norm()
    a = a.requires_grad_()
    g = torch.randn_like(exact)
    (expected,) = torch.autograd.grad(norm(a, affine, Instant(0, 0.0, 1.0)), a, g)
    pulled = pull(g.to(dtype), (None, None), 1.0)
    assert (pulled.float() - expected).norm() < 0.02 * expected.norm()


@pytest.mark.parametrize("F", [Dense(4), Perceptron(4, 5), Parabolic(4, **PLAIN)], ids=lambda F: type(F).__name__)
@pytest.mark.parametrize("mode", [Taped, Checkpointed, lambda: LayerParallel(4, factor=2)])
@pytest.mark.filterwarnings("ignore:Complex modules")
def test_complex_weights_have_their_gradient(mode: Callable[[], Gradient], F: Dynamics) -> None:
    nets = []
    for gradient in (mode(), stored):
        torch.manual_seed(0)
        theta = PiecewiseConstant(F, 8).to(torch.complex128)
        for w in theta.parameters():
            w.data += 0.3 * torch.randn_like(w)
        nets.append(Flow(F, theta, ForwardEuler(), gradient, 8, 0.8))
    u = torch.randn(3, 4, dtype=torch.complex128)
    assert distance(*(gradients(net, u) for net in nets)) < 1e-12


@pytest.mark.parametrize("mode", [stored, Taped(), FrozenSteps(), ReverseTime(), Checkpointed()])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_dopri5_in_half_precision(dtype: torch.dtype, mode: Gradient) -> None:
    net = Flow(Scalar(), Constant(Scalar()).to(dtype), DormandPrince(1e-3), mode, 1, 1.0)
    u = torch.ones(1, 1, dtype=dtype, requires_grad=True)
    end = net(u)
    end.sum().backward()
    for found in (end, u.grad, -net.control.w.grad):  # type: ignore[operator]
        assert float(found.detach()) == pytest.approx(math.exp(-1), rel=2e-2 if dtype == torch.bfloat16 else 4e-3)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_network_can_be_pickled(activation: str) -> None:
    net = flow("dense", "forward-euler", "checkpointed", width=4, steps=3, time=1, activation=activation)
    again = pickle.loads(pickle.dumps(net))
    assert again.dynamics.activation is activation_named(activation)
    u = torch.randn(2, 4)
    torch.testing.assert_close(again(u), net(u), rtol=0, atol=0)


def hand_back(net: Flow, u: Tensor, answers: Any) -> None:
    answers.put(net(u).detach().tolist())


def test_a_network_goes_to_another_process() -> None:
    spawn = multiprocessing.get_context("spawn")
    net, u, answers = flow("dense", "rk4", "taped", width=3, steps=2, time=1), torch.randn(1, 3), spawn.Queue()
    child = spawn.Process(target=hand_back, args=(net, u, answers))
    child.start()
    found = answers.get(timeout=60)
    child.join()
    torch.testing.assert_close(torch.tensor(found), net(u).detach())


def test_a_warm_start_goes_on_in_another_precision() -> None:
    net = flow("dense", "forward-euler", LayerParallel(warm=True), width=4, steps=16, time=0.1)
    net(torch.randn(2, 4, requires_grad=True)).sum().backward()
    net.double()
    u = torch.randn(2, 4, dtype=torch.float64, requires_grad=True)
    net(u).sum().backward()
    assert u.grad is not None and u.grad.dtype == torch.float64


def test_names_classes_and_objects_make_the_same_flow() -> None:
    F = Dense(4)
    theta = PiecewiseConstant(F, 4)
    for step in ("rk4", RK4, RK4()):
        for mode in ("checkpointed", Checkpointed, Checkpointed()):
            net = Flow(F, theta, step, mode, 4, 1.0)
            assert type(net.integrator) is RK4 and type(net.gradient) is Checkpointed
    before = torch.get_rng_state()
    Flow(F, theta, "rk4", "stored", 4, 1.0)
    assert torch.equal(before, torch.get_rng_state())  # the weights that are compared cost no random number


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("dense", "rk5"), "unknown integrator 'rk5'; did you mean 'rk4'"),
        (("dense", "rk4", "chekpointed"), "did you mean 'checkpointed'"),
        (("densse", "rk4"), "did you mean 'dense'"),
        (("dense", "rk4", "revolve"), "gradient 'revolve' needs slots"),
        (("dense", 3), "where a flow has 3 it needs a Integrator"),
        (("dense", "verlet"), "Verlet integrates partitioned dynamics"),
        (("dense", "rk4", "reversible"), "has no algebraic inverse"),
        (("dense", "forward-euler", "layer-parallel"), "N must be a multiple of 4"),
    ],
)
def test_what_does_not_fit_is_refused_at_construction(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        flow(*arguments, width=4, steps=10, time=1.0)


def test_a_control_of_other_weights_is_refused_at_construction() -> None:
    with pytest.raises(ValueError, match="its control has .*5, 5.*make the control from the same dynamics"):
        Flow(Dense(4), PiecewiseConstant(Dense(5), 3), RK4(), stored, 3, 1.0)
    with pytest.raises(ValueError, match="weights for 2 steps; 3 is neither"):
        Flow(Dense(4), PiecewiseConstant(Dense(4), 2), RK4(), stored, 3, 1.0)
    with pytest.raises(ValueError, match="option of dynamics 'dense': 'gama'"):
        flow("dense", "rk4", width=4, steps=3, time=1, gama=1)


def test_a_flow_shows_its_equation_and_its_steps() -> None:
    shown = repr(flow("hamiltonian", "verlet", "reversible", width=32, steps=400, time=40))
    for part in ("y' = -K_1^T sigma(N(K_1 z))", "N = 400, T = 40, h = 0.1", "step Verlet(), gradient Reversible()"):
        assert part in shown
    assert repr(LayerParallel(coarse="stable")) == "LayerParallel(coarse='stable')"
