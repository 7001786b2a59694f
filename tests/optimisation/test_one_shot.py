"""One-shot training: the iterates of exact L-BFGS with many cycles, the same stationary points with few."""

from collections.abc import Callable

import numpy as np
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
    F = Dense(4, "smooth-relu", scale=0.3, scalar_bias=True)
    flow = Flow(F, PiecewiseConstant(F, STEPS), ForwardEuler(), gradient, STEPS, 5.0)
    return FlowClassifier(LinearOpening(2, 4), flow, 4, 5)


def problem(net: nn.Module, weight: float = 1e-3) -> Problem:
    """Cross-entropy of 100 points of the peaks, weights that are smooth and small in time."""
    data = peaks(train=100)
    x, c = torch.as_tensor(data.x_train), torch.as_tensor(data.c_train)

    def objective(logits: Tensor, c: Tensor) -> Tensor:
        penalties = smoothness(net) + tikhonov(net) + sum(p.square().sum() for p in net.classifier.parameters())
        return nn.functional.cross_entropy(logits, c) + weight * penalties

    return Problem(net, x, c, objective)


def training(cycles: int, weight: float = 1e-3, **options: float) -> tuple[OneShot, Callable[[], Tensor]]:
    net = network(LayerParallel(cycles=cycles, warm=True))
    method = OneShot(net, **options)  # type: ignore[arg-type]
    method.problem = problem(net, weight)

    def closure() -> Tensor:
        method.zero_grad()
        value = method.problem.objective(net(method.problem.x), method.problem.c)
        value.backward()
        return value

    return method, closure


def position(net: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in net.parameters()])


def exact(method: OneShot, weight: float = 1e-3) -> tuple[float, Tensor]:
    """The objective and its gradient by the serial loop, at the weights of a method."""
    net = network(stored)
    net.load_state_dict(method.problem.net.state_dict())
    _, x, c, objective = problem(net, weight)
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
    method, closure = training(2, weight=1e-2, tolerance=1e-6)
    (mode,) = method.modes
    start = float(exact(method, 1e-2)[1].norm())
    for _ in range(400):
        value = method.step(closure)
    J, g = exact(method, 1e-2)
    print(start, g.norm(), value - J, mode.residuals, mode.cycles)
