"""Gauss-Newton against the explicit matrix, its order where the model fits exactly, its descent, the preconditioner."""

import math
from itertools import pairwise

import pytest
import torch

from pdebridge.networks.opening import PadOpening
from pdebridge.optimisation.gauss_newton import SHIFT, GaussNewton
from pdebridge.optimisation.linearisation import Linearisation
from pdebridge.optimisation.variable_projection import Projected
from pdebridge.optimisation.vectors import join, split

ALPHA, GAMMA, BETA = 1e-2, 2e-2, 1e-3


@pytest.fixture
def method(penalised):
    """Gauss-Newton with the penalties of this file or others."""

    def make(net, x, c, weights=(ALPHA, GAMMA, BETA), **options):
        return penalised(GaussNewton, net, x, c, weights, **options)

    return make


def jacobian(made):
    """``J`` as a dense matrix, one backward pass a row."""
    with torch.enable_grad():
        f = made.features()
    rows = [torch.autograd.grad(f.flatten()[i], made.theta, retain_graph=True) for i in range(f.numel())]
    return torch.stack([join(row) for row in rows])


@pytest.mark.parametrize("family", ["dense", "verlet"])
def test_products_are_those_of_the_explicit_jacobian(family, small_classifier, method):
    net, x, c = small_classifier(family)
    made, _ = method(net, x, c)
    J = jacobian(made)
    f = made.features()
    near = Linearisation(f, made.theta, torch.ones_like(f))
    torch.testing.assert_close(join(near.pulled), J.sum(0))
    for _ in range(3):  # the graph is used again and again
        v, w = torch.randn(J.shape[1]), torch.randn(f.shape)
        torch.testing.assert_close(near.push(split(v, made.theta)).flatten(), J @ v)
        torch.testing.assert_close(join(near.pull(w)), w.flatten() @ J)


def direction(made):
    """The step that an iteration would take, and the slope along it."""
    seen = []
    made.search = lambda d, value, slope: seen.append((d, slope))
    with torch.no_grad():
        made.iterate()
    return seen[0]


def test_value_and_gradient_are_those_of_the_objective_at_the_best_classifier(small_classifier, method):
    net, x, c = small_classifier()
    made, closure = method(net, x, c, cg=1)
    made.precondition = lambda r: r
    with torch.no_grad():
        value = made.value(made.classifier)
    assert value == pytest.approx(closure().item(), rel=1e-12)
    assert max(float(p.grad.abs().max()) for p in net.classifier.parameters()) < 1e-5
    g = join([p.grad for p in made.theta])
    d, slope = direction(made)  # one iteration of conjugate gradients: a multiple of the gradient
    torch.testing.assert_close(d / d.norm(), -g / g.norm(), rtol=1e-5, atol=1e-6)
    assert slope == pytest.approx(float(d @ g), rel=1e-5)


def test_the_step_solves_the_explicit_system(small_classifier, method):
    net, x, c = small_classifier()
    made, closure = method(net, x, c, (ALPHA, GAMMA, 0.1), cg=500, tolerance=1e-13)
    with torch.no_grad():
        problem, _ = made.project(made.features(), made.classifier)
        psi = Projected(problem, made.classifier)
    closure()
    g, J = join([p.grad for p in made.theta]), jacobian(made)
    B = torch.stack([psi.curvature(u.view(len(x), -1)).flatten() for u in torch.eye(J.shape[0])])
    zeros = [torch.zeros_like(w) for w in made.theta]
    L = torch.stack([join(made.regularised(zeros, split(u, made.theta))) for u in torch.eye(J.shape[1])])
    exact = torch.linalg.solve(J.T @ B @ J + L.detach(), -g)
    torch.testing.assert_close(direction(made)[0], exact, rtol=1e-4, atol=1e-5)


def test_the_preconditioner_inverts_the_penalties_and_a_shift(small_classifier, method):
    net, x, c = small_classifier()
    made, _ = method(net, x, c)
    v = torch.randn(sum(w.numel() for w in made.theta))
    parts = split(v, made.theta)
    shifted = [SHIFT * net.flow.h * p for p in parts]
    torch.testing.assert_close(made.precondition(join(made.regularised(shifted, parts))), v)


def test_it_converges_quadratically_where_the_network_can_attain_the_probabilities(
    small_classifier, method, monkeypatch
):
    """The part of the Hessian that Gauss-Newton leaves out has the factor ``p - q``, which vanishes in the limit."""
    monkeypatch.setattr(GaussNewton, "projection", 0.0)
    torch.manual_seed(0)
    net, x, _ = small_classifier("dense", steps=2, opening=PadOpening, points=60, scale=1.0)
    q = net(x).detach().softmax(1)
    for w in net.parameters():
        w.data += 0.2 * torch.randn_like(w)
    made, closure = method(net, x, q, (0.0, 0.0, 1e-15), cg=400, tolerance=1e-12, iterations=1)
    norms = []
    for _ in range(5):
        made.step(closure)
        norms.append(float(join([p.grad for p in made.theta]).norm()))
    a, b, c = norms[-3:]
    assert c < 1e-11, norms
    assert math.log(c / b) / math.log(b / a) > 1.8


def test_every_iteration_decreases_the_objective(small_classifier, method):
    net, x, c = small_classifier()
    made, closure = method(net, x, c, iterations=1)
    values = [made.step(closure).item() for _ in range(12)]
    assert all(after < before for before, after in pairwise(values))
    assert values[-1] < 0.7 * values[0]


def test_a_direction_without_decrease_leaves_the_weights(small_classifier, method):
    net, x, c = small_classifier()
    made, _ = method(net, x, c)
    with torch.no_grad():
        value = made.value(made.classifier)
        before = [w.clone() for w in net.parameters()]
        assert not made.search(torch.full_like(join(made.theta), torch.nan), value, -1.0)
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))


def test_a_wrong_classifier_that_is_sure_of_itself_is_left(small_classifier, method):
    """Its Hessian vanishes; a trial far away must leave no trace in the classifier of the next one."""
    net, x, c = small_classifier()
    made, closure = method(net, x, c)
    with torch.no_grad():
        value, V = made.value(made.classifier), made.classifier
        assert made.value(-1e3 * V) == pytest.approx(value, rel=1e-9)
        far = 1e3 * torch.randn_like(join(made.theta))
        assert not made.search(far, value, -1e9)
    assert closure().item() == pytest.approx(value, rel=1e-9)


def test_single_precision_serves(small_classifier, method):
    net, x, c = small_classifier()
    made, closure = method(net.float(), x.float(), c, iterations=10)
    before = closure().item()
    assert made.step(closure).item() < 0.7 * before
