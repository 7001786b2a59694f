"""One-shot training: the iterates of exact L-BFGS with many cycles, the same stationary points with few."""

from collections.abc import Callable
from copy import deepcopy

import numpy as np
import pytest
import torch
from scipy.optimize import LbfgsInvHessProduct
from torch import Tensor, nn

from pdebridge.datasets.peaks import peaks
from pdebridge.dynamics.control import PiecewiseConstant
from pdebridge.dynamics.dense import Dense
from pdebridge.gradients.layer_parallel import LayerParallel
from pdebridge.gradients.stored import stored
from pdebridge.integrators.euler import ForwardEuler
from pdebridge.networks.classifier import FlowClassifier
from pdebridge.networks.flow import Flow, Gradient
from pdebridge.networks.opening import LinearOpening
from pdebridge.networks.regularisation import smoothness, tikhonov
from pdebridge.optimisation.one_shot import OneShot
from pdebridge.optimisation.problem import Problem

STEPS = 32


def network(gradient: Gradient) -> FlowClassifier:
    torch.manual_seed(1)
    F = Dense(4, scale=0.3, scalar_bias=True)
    flow = Flow(F, PiecewiseConstant(F, STEPS), ForwardEuler(), gradient, STEPS, 2.0)
    return FlowClassifier(LinearOpening(2, 4), flow, 4, 5)


def problem(net: nn.Module) -> Problem:
    """Cross-entropy of 100 points of the peaks, and penalties that make the minimum one of few iterations."""
    data = peaks(train=100)
    x, c = torch.as_tensor(data.x_train), torch.as_tensor(data.c_train)

    def objective(logits: Tensor, c: Tensor) -> Tensor:
        penalties = smoothness(net) + tikhonov(net) + sum(p.square().sum() for p in net.parameters())
        return nn.functional.cross_entropy(logits, c) + penalties / 10

    return Problem(net, x, c, objective)


def training(cycles: int, **options: float) -> tuple[OneShot, Callable[[], Tensor]]:
    net = network(LayerParallel(cycles=cycles, warm=True))
    method = OneShot(net, **options)  # type: ignore[arg-type]
    method.problem = problem(net)
    return method, method.problem.closure


def position(net: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in net.parameters()])


def exact(method: OneShot) -> tuple[float, Tensor]:
    """The objective and its gradient by the serial loop, at the weights of a method."""
    net = network(stored)
    net.load_state_dict(method.problem.net.state_dict())
    _, x, c, objective = problem(net)
    value = objective(net(x), c)
    return value.item(), torch.cat([g.flatten() for g in torch.autograd.grad(value, list(net.parameters()))])


def armijo_lbfgs(steps: int, pairs: int) -> list[Tensor]:
    """L-BFGS with exact gradients, halved steps and SciPy's inverse Hessian, an implementation of its own."""
    net = network(stored)
    _, x, c, objective = problem(net)

    def value_and_gradient(w: Tensor) -> tuple[float, Tensor]:
        nn.utils.vector_to_parameters(w, net.parameters())
        value = objective(net(x), c)
        return value.item(), torch.cat([g.flatten() for g in torch.autograd.grad(value, list(net.parameters()))])

    w = position(net)
    iterates, s, y = [w], [], []
    f, g = value_and_gradient(w)
    for _ in range(steps):
        d = -g / max(1.0, float(g.norm()))
        if s:
            scale = np.sqrt((s[-1] @ y[-1]) / (y[-1] @ y[-1]))  # SciPy starts from the identity
            H = LbfgsInvHessProduct(np.stack(s[-pairs:]) / scale, np.stack(y[-pairs:]) * scale)
            d = -torch.as_tensor(scale**2 * H.matvec(g.numpy()))
        t = 1.0
        while value_and_gradient(w + t * d)[0] > f + 1e-4 * t * float(g @ d):
            t /= 2
        f, after = value_and_gradient(w + t * d)
        if float(t * d @ (after - g)) > 0:
            s.append((t * d).numpy()), y.append((after - g).numpy())
        w, g = w + t * d, after
        iterates.append(w)
    return iterates


def test_exact_solves_give_the_iterates_of_lbfgs() -> None:
    """Five cycles of ``N/(2m) = 4`` that are exact. Rounding grows with the steps, as in any L-BFGS."""
    method, closure = training(5, history=4, tolerance=0.0)
    for k, w in enumerate(armijo_lbfgs(20, 4)):
        assert float((position(method.problem.net) - w).norm() / w.norm()) < (1e-13 if k < 3 else 1e-9), k
        method.step(closure)


def test_two_cycles_end_in_a_stationary_point_of_the_exact_problem() -> None:
    """The exact gradient falls by more than 10^5, the residuals to 10^-8, and neither was asked for."""
    method, closure = training(2, tolerance=0.0)
    (mode,) = method.modes
    start = float(exact(method)[1].norm())
    residuals = []
    for _ in range(61):
        value = method.step(closure)
        residuals.append({what: float(r) for what, r in mode.residuals.items()})
    J, g = exact(method)
    assert mode.cycles == {"states": 2, "adjoints": 2}
    assert min(residuals[1].values()) > 1e-6
    assert max(residuals[-1].values()) < 1e-8
    assert float(g.norm()) < 1e-5 * start
    assert abs(value - J) < 1e-9


def refuse(method: OneShot, cycles: int) -> list[int]:
    """Let no trial decrease the objective before solves have so many cycles; return a list of those of every trial."""
    tried: list[int] = []
    net, x, c, objective = method.problem

    def of_trials(logits: Tensor, c: Tensor) -> Tensor:
        assert logits.requires_grad, "by cycles, not by the serial loop, which is what a flow without gradients is"
        tried.append(method.modes[0].cycles["states"])
        return objective(logits, c) + (100.0 if tried[-1] < cycles else 0.0)

    method.problem = Problem(net, x, c, of_trials)
    return tried


def test_a_refused_step_gets_extra_cycles_at_the_iterate() -> None:
    method, closure = training(1, trials=3)
    net, (mode,) = method.problem.net, method.modes
    method.step(closure)
    tried, before = refuse(method, 3), position(net)
    visited, errors, serial = [], [], network(stored)

    def watched() -> Tensor:
        value = closure()
        serial.load_state_dict(net.state_dict())
        end = serial.trajectory(method.problem.x)[-1]
        visited.append(position(net))
        errors.append(float((mode.last["states"][0][-1] - end).detach().norm()))
        return value

    method.step(watched)
    assert tried == [1, 1, 1, 2, 2, 2, 3]
    assert mode.cycles == {"states": 3, "adjoints": 3}
    assert all(torch.equal(w, before) for w in visited)
    assert errors[1] < 1e-2 * errors[0], "the states of the iterate go on from where they were"
    assert not torch.equal(position(net), before)


def test_where_solves_are_exact_a_refused_step_forgets_the_curvature() -> None:
    method, closure = training(2, trials=2, extra=5)
    for _ in range(3):
        method.step(closure)
    refuse(method, 99)
    before = position(method.problem.net)
    assert method.memory["pairs"]
    method.step(closure)
    assert method.modes[0].cycles == {"states": 8, "adjoints": 8}, "as many as intervals of four steps"
    assert not method.memory.get("pairs")
    assert torch.equal(position(method.problem.net), before)


def test_a_trial_that_overflows_leaves_no_trace() -> None:
    method, closure = training(2)
    method.step(closure)
    net, x, c, objective = method.problem
    calls: list[Tensor] = []

    def overflowing(logits: Tensor, c: Tensor) -> Tensor:
        calls.append(logits)
        if len(calls) == 1:
            method.modes[0].last["states"] = (torch.full_like(method.modes[0].last["states"][0], torch.nan),)
            return logits.sum() * torch.nan
        return objective(logits, c)

    method.problem = Problem(net, x, c, overflowing)
    method.step(closure)
    assert len(calls) == 2
    assert all(s.isfinite().all() for s in method.modes[0].last["states"])


def test_a_restored_training_continues_bit_by_bit() -> None:
    method, closure = training(2)
    for _ in range(6):
        method.step(closure)
    method.modes[0].cycles = {"states": 3, "adjoints": 3}
    saved = deepcopy((method.state_dict(), method.problem.net.state_dict()))
    for _ in range(4):
        method.step(closure)
    again, continued = training(2)
    again.load_state_dict(saved[0])
    again.problem.net.load_state_dict(saved[1])
    for _ in range(4):
        again.step(continued)
    assert torch.equal(position(again.problem.net), position(method.problem.net))
    assert again.modes[0].cycles == {"states": 3, "adjoints": 3}


@pytest.mark.parametrize("gradient", [stored, LayerParallel()])
def test_other_gradients_are_refused(gradient: Gradient) -> None:
    with pytest.raises(ValueError, match="layer-parallel, options: {warm: true}"):
        OneShot(network(gradient))


def test_a_small_gradient_ends_the_steps_but_not_the_cycles() -> None:
    method, closure = training(1, tolerance=1e9)
    before, values = position(method.problem.net), [method.step(closure) for _ in range(6)]
    assert torch.equal(position(method.problem.net), before)
    assert abs(values[-1] - exact(method)[0]) < 1e-12 < abs(values[0] - exact(method)[0])
