"""The maximum principle: its Hamiltonians against the formulas, gradient descent, monotone and divergent iterations."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from families import dynamics
from pdebridge.dynamics.base import Dynamics
from pdebridge.dynamics.control import Constant, PiecewiseConstant
from pdebridge.dynamics.dense import Dense
from pdebridge.gradients.stored import stored
from pdebridge.integrators.euler import ForwardEuler
from pdebridge.integrators.midpoint import Midpoint
from pdebridge.integrators.runge_kutta import RK4
from pdebridge.integrators.verlet import Verlet
from pdebridge.networks.classifier import FlowClassifier
from pdebridge.networks.flow import Flow
from pdebridge.networks.opening import OPENINGS
from pdebridge.networks.regularisation import smoothness, tikhonov
from pdebridge.optimisation.batched_quasi_newton import evaluate, minimise
from pdebridge.optimisation.hamiltonians import Layers, Opening, Recorder, Terminal
from pdebridge.optimisation.maximum_principle import NONE, MaximumPrinciple, Penalties
from pdebridge.optimisation.problem import Problem

PENALTIES = Penalties(tikhonov=0.1, smoothness=0.05, decay=0.2)


STEPS = 6


def network(
    F=None,
    integrator=None,
    opening="tanh",
    readout=4,
    control=PiecewiseConstant,
    time=3.0,
    steps=STEPS,
    features=2,
    width=4,
    classes=3,
):
    torch.manual_seed(0)
    F = F or Dense(width)
    weights = control(F) if control is Constant else control(F, steps)
    flow = Flow(F, weights, integrator or ForwardEuler(), stored, steps, time)
    return FlowClassifier(OPENINGS[opening](features, width), flow, readout, classes)


def problem(net, penalties=NONE):
    """Three classes in the plane that no line separates."""
    x = torch.randn(60, 2, generator=torch.Generator().manual_seed(1))
    c = (x[:, 0] * x[:, 1] > 0).long() + (x.norm(dim=1) > 1.5).long()

    def objective(logits, c):
        loss = cross_entropy(logits, c) + penalties.decay / 2 * net.classifier.weight.square().sum()
        return loss + penalties.tikhonov * tikhonov(net) + penalties.smoothness * smoothness(net)

    return Problem(net, x, c, objective)


def iterate(method, shown, iterations):
    """Return the objective before each iteration and after the last one."""
    method.problem = shown
    values = [float(method.step(shown.closure).detach()) for _ in range(iterations)]
    return [*values, float(shown.closure().detach())]


def recorded(net, shown):
    recorder = Recorder()
    net.flow.gradient = recorder
    shown.objective(net(shown.x), shown.c).backward()
    net.flow.gradient = stored
    return recorder


POINTS = {
    "euler": (None, None),
    "rk4": (None, RK4()),
    "verlet": (dynamics("hamiltonian", 4), Verlet()),
}


@pytest.mark.parametrize("rho", [0.0, 3.0])
@pytest.mark.parametrize("opening", ["tanh", "pad"])
@pytest.mark.parametrize("point", ["euler", "rk4", "verlet"])
def test_one_gradient_step_on_the_hamiltonians_is_gradient_descent(point, opening, rho):
    """Whatever rho: both residuals vanish to second order at the present weights."""
    ends = []
    for method in (lambda net: torch.optim.SGD(net.parameters(), 0.3), None):
        net = network(*POINTS[point], opening=opening, readout=3)
        found = method(net) if method else MaximumPrinciple(net, rho, lr=0.3, penalties=PENALTIES)
        iterate(found, problem(net, PENALTIES), 20)
        ends.append(torch.cat([w.detach().flatten() for w in net.parameters()]))
    assert (ends[0] - ends[1]).abs().max() < 1e-12


def test_the_hamiltonian_of_a_layer_is_the_published_one():
    """Sample by sample with the closed form ``f = tanh(K x + b)`` and ``H_x = K^T (tanh' p)``, at other weights."""
    net = network()
    shown = problem(net)
    X, P = recorded(net, shown).trajectory()
    rho, gamma, h = 2.0, 0.3, net.flow.h
    layers = Layers(net, (X, P), rho, gamma, 0.0)
    rows = layers.rows() + 0.3 * torch.randn(STEPS, 20)
    found = layers(rows)
    for k, (K, b) in enumerate(zip(*layers.split(rows), strict=True)):
        terms = []
        for x, after, p, p_after in zip(X[0][k], X[0][k + 1], P[0][k], P[0][k + 1], strict=True):
            f = torch.tanh(K @ x + b)
            H_x = K.T @ ((1 - f**2) * p_after)
            state, costate = (after - x) / h - f, (p_after - p) / h + H_x
            H = p_after @ f - gamma / 2 * (K.square().sum() + b.square().sum())
            terms.append(H - p_after @ (after - x) / h - rho / 2 * state @ state - rho / 2 * costate @ costate)
        torch.testing.assert_close(found[k], -h * torch.stack(terms).mean())


def test_costates_are_the_derivatives_of_the_objective():
    """``p_k`` against a difference quotient of what the rest of the network makes of ``x_k``."""
    net = network()
    shown = problem(net)
    X, P = recorded(net, shown).trajectory()

    def rest(k, x):
        for j in range(k, STEPS):
            K, b = (w[j] for w in net.flow.control.coefficients)
            x = x + net.flow.h * torch.tanh(x @ K.T + b)
        return cross_entropy(net.classify(x), shown.c, reduction="none")

    direction = torch.randn(4)
    for k in range(STEPS + 1):
        quotient = (rest(k, X[0][k] + 1e-5 * direction) - rest(k, X[0][k] - 1e-5 * direction)) / 2e-5
        torch.testing.assert_close(-P[0][k] @ direction, quotient, rtol=1e-6, atol=1e-8)


def test_the_terminal_hamiltonian_is_that_of_the_loss():
    net = network()
    shown = problem(net)
    trajectory = recorded(net, shown).trajectory()
    x, p = (part[0][-1] for part in trajectory)
    terminal = Terminal(net, shown, trajectory, 2.0, 0.3)
    rows = terminal.rows() + torch.randn(1, 15)
    W, mu = (w[0] for w in terminal.split(rows))
    wrong = torch.softmax(x @ W.T + mu, 1) - torch.eye(3)[shown.c]
    loss = cross_entropy(x @ W.T + mu, shown.c) + 0.15 * W.square().sum()
    expected = loss + (p + wrong @ W).square().sum(1).mean()
    torch.testing.assert_close(terminal(rows)[0], expected)


def test_the_hamiltonian_of_the_opening_is_that_of_a_step_without_costate():
    net = network()
    shown = problem(net)
    recorder = recorded(net, shown)
    X, P = recorder.trajectory()
    opening = Opening(net, shown.x, recorder.u, 2.0)
    rows = opening.rows() + torch.randn(1, 8)
    change = torch.tanh(shown.x @ rows.view(4, 2).T) - X[0][0]
    torch.testing.assert_close(opening(rows)[0], (change.square() - P[0][0] * change).sum(1).mean())


@given(seed=st.integers(0, 10_000), size=st.floats(1e-3, 10))
def test_what_stands_for_the_smoothness_touches_it_from_above(seed, size):
    net = network()
    generator = torch.Generator().manual_seed(seed)
    X = (torch.zeros(STEPS + 1, 1, 4),)
    layers = Layers(net, (X, X), 0.0, 0.0, 0.7)
    rows = layers.rows()
    smooth = lambda r: 0.7 / (2 * net.flow.h) * r.diff(dim=0).square().sum()  # noqa: E731
    change = size * torch.randn(rows.shape, generator=generator, dtype=torch.float64)
    rise = layers.penalty(rows + change).sum() - layers.penalty(rows).sum()
    assert smooth(rows + change) - smooth(rows) <= rise + 1e-9 * (1 + rise.abs())
    exact = torch.autograd.functional.jacobian(smooth, rows)
    torch.testing.assert_close(evaluate(layers.penalty, rows).gradient, exact)


def test_the_extended_method_is_monotone_for_large_rho_and_the_basic_one_is_not():
    penalties = Penalties(tikhonov=0.01, decay=0.01)
    basic, extended = (
        iterate(MaximumPrinciple(net, rho, penalties=penalties), problem(net, penalties), 20)
        for rho, net in ((0.0, network(time=6.0)), (30.0, network(time=6.0)))
    )
    assert all(after < before for before, after in pairwise(extended))
    assert extended[-1] < 0.6 * extended[0]
    assert max(basic) > 2 * basic[0]
    assert sum(after > before for before, after in pairwise(basic)) > 4


def sine(method):
    """The paper's regression of ``sin(x)`` on ``[-pi, pi]``: the objective of 20 iterations from one start."""
    net = network(Dense(5), opening="pad", time=5.0, steps=20, features=1, width=5, readout=5, classes=1)
    x = torch.linspace(-math.pi, math.pi, 64)[:, None]
    shown = Problem(net, x, torch.sin(x), lambda z, c: (z - c).square().mean() / 2)
    return iterate(method(net), shown, 20)


def test_the_sine_is_learnt_in_fewer_iterations_than_by_gradient_descent_at_its_best_rate():
    extended = sine(lambda net: MaximumPrinciple(net, 20.0))
    basic = sine(MaximumPrinciple)
    descents = [sine(lambda net, lr=lr: torch.optim.SGD(net.parameters(), lr)) for lr in (0.03, 0.1, 0.3, 1.0)]
    assert all(after < before for before, after in pairwise(extended))
    for iterations in (10, 20):
        assert extended[iterations] < 0.5 * min(descent[iterations] for descent in descents)
    assert max(basic) > 20 * basic[0]


class Drift(Dynamics):
    """``x' = theta``, for which every step of the method has a closed form."""

    structure = "explicit"

    def initial(self):
        return {"b": torch.full((1,), 0.1)}

    def forward(self, u, theta, at, part=0):
        return theta[0].expand_as(u)


@pytest.mark.parametrize("rho", [0.0, 1.0, 2.0, 5.0])
def test_divergence_and_convergence_have_the_closed_rates(rho):
    """For ``(x(T) - 1)^2 / 2 + gamma/2 int theta^2`` an error of ``theta`` grows by ``(rho - T)/(rho + gamma)``.

    Hence the basic method diverges for ``T > gamma`` and the extended one converges for ``rho > (T - gamma) / 2``.
    """
    gamma = 0.5
    net = network(Drift(), opening="pad", time=3.0, features=1, width=1, readout=1, classes=1)
    net.classifier.weight.data.fill_(1.0)
    net.classifier.bias.data.zero_()
    objective = lambda z, c: (z - c).square().mean() / 2 + gamma * tikhonov(net)  # noqa: E731
    shown = Problem(net, torch.zeros(1, 1), torch.ones(1, 1), objective)
    (theta,) = net.flow.control.coefficients
    best, errors = 3.0 / (3.0 + gamma) / 3.0, []
    for _ in range(5):
        errors.append(theta.detach() - best)
        layers = Layers(net, recorded(net, shown).trajectory(), rho, gamma, 0.0)
        layers.place(minimise(layers, layers.rows(), 3))
    for before, after in pairwise(errors):
        torch.testing.assert_close(after, (rho - 3.0) / (rho + gamma) * before, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("rho", [0.0, 1.0])
@pytest.mark.parametrize("point", POINTS)
def test_all_layers_at_once_are_a_loop_over_the_layers(point, rho):
    net = network(*POINTS[point])
    shown = problem(net)
    layers = Layers(net, recorded(net, shown).trajectory(), rho, 0.1, 0.0)
    rows = layers.rows()
    together = minimise(layers, rows, 5)
    for k in range(STEPS):

        def alone(row, k=k):
            return layers(torch.cat([rows[:k], row, rows[k + 1 :]]))[k : k + 1]

        found = minimise(alone, rows[k : k + 1], 5)
        torch.testing.assert_close(together[k : k + 1], found, rtol=1e-7, atol=1e-9)
        assert alone(found) < alone(rows[k : k + 1])


def test_a_restored_method_goes_on_bit_for_bit():
    ends = []
    for interrupted in (False, True):
        net = network()
        method = MaximumPrinciple(net, 5.0)
        iterate(method, problem(net), 3)
        if interrupted:
            kept, weights = method.state_dict(), net.state_dict()
            net = network()
            net.load_state_dict(weights)
            method = MaximumPrinciple(net, 5.0)
            method.load_state_dict(kept)
        iterate(method, problem(net), 3)
        ends.append(list(net.state_dict().values()))
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


def test_the_gradient_of_the_flow_is_given_back():
    net = network()
    method = MaximumPrinciple(net)

    def closure():
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        method.step(closure)
    assert net.flow.gradient is stored


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: torch.nn.Linear(2, 2), "needs an opening, one flow, a classifier; not Linear"),
        (lambda: network(control=Constant), "weights of every step's own"),
        (lambda: network(integrator=Midpoint()), "one-step method of fixed steps, not Midpoint"),
    ],
)
def test_what_has_no_hamiltonians_of_its_own_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        MaximumPrinciple(make())
