"""The Hessian against differences of the gradient, quadratic convergence, negative curvature, the forcing."""

from functools import partial
from itertools import pairwise
from math import log

import pytest
import torch

from pdebridge.networks.opening import PadOpening
from pdebridge.optimisation.gauss_newton import GaussNewton
from pdebridge.optimisation.linearisation import Linearisation
from pdebridge.optimisation.newton_cg import NewtonCG
from pdebridge.optimisation.variable_projection import Projected
from pdebridge.optimisation.vectors import join, place, split

PENALTIES = 1e-2, 0.1, 1e-2


@pytest.fixture
def method(penalised):
    """Many iterations of conjugate gradients, one of the method a step."""
    return partial(penalised, weights=PENALTIES, iterations=1, cg=200)


def model(made):
    """What an iteration has at the present weights."""
    f = made.features()
    with torch.no_grad():
        problem, _ = made.project(f, made.classifier)
        psi = Projected(problem, made.classifier)
    return Linearisation(f, made.theta, psi.slope), psi


@pytest.mark.parametrize("family", ["dense", "verlet"])
def test_the_product_is_that_of_the_hessian(family, small_classifier, method, monkeypatch):
    monkeypatch.setattr(NewtonCG, "projection", 0.0)
    net, x, c = small_classifier(family)
    made, _ = method(NewtonCG, net, x, c)
    start, (near, psi) = join(made.theta).detach(), model(made)
    directions = torch.randn(3, len(start))
    parts = [split(v, made.theta) for v in directions]
    products = [join(made.regularised(made.curved(near, psi, v), v)) for v in parts]

    def gradient(at):
        place(at, made.theta)
        return join(made.regularised(model(made)[0].pulled, made.theta)).detach()

    for v, product in zip(directions, products, strict=True):
        steps = {t: gradient(start + 3e-4 * t * v) - gradient(start - 3e-4 * t * v) for t in (1, 2)}
        quotient = (8 * steps[1] - steps[2]) / 3.6e-3  # of order four
        torch.testing.assert_close(product.detach(), quotient, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("kind", "tolerance"), [(NewtonCG, 0.1), (GaussNewton, 1e-10)])
def test_it_converges_quadratically_and_gauss_newton_linearly(kind, tolerance, small_classifier, method):
    """At a minimiser where ``p - q``, and with it what Gauss-Newton leaves out, does not vanish."""
    net, x, c = small_classifier(opening=PadOpening)
    made, closure = method(NewtonCG, net, x, c)
    for _ in range(40):
        made.step(closure)
    best = join(made.theta).detach()
    place(best + 0.01 * torch.randn_like(best), made.theta)
    made, closure = method(kind, net, x, c, tolerance=tolerance)
    errors = []
    for _ in range(4):
        errors.append(float((join(made.theta).detach() - best).norm()))
        made.step(closure)
    logs = [log(error) for error in errors if error > 1e-8]
    orders = [(c - b) / (b - a) for a, b, c in zip(logs, logs[1:], logs[2:], strict=False)]
    assert (min(orders) > 1.8) == (kind is NewtonCG), errors
    assert (errors[-1] < 1e-8) == (kind is NewtonCG), errors


def test_negative_curvature_gives_a_direction_of_descent(small_classifier, method):
    """The Hessian is indefinite at the start, and every iteration decreases the objective all the same."""
    net, x, c = small_classifier()
    made, closure = method(NewtonCG, net, x, c)
    near, psi = model(made)
    units = torch.eye(sum(w.numel() for w in made.theta))
    parts = [split(u, made.theta) for u in units]
    H = torch.stack([join(made.regularised(made.curved(near, psi, u), u)) for u in parts]).detach()
    torch.testing.assert_close(H, H.T)
    assert torch.linalg.eigvalsh(H)[0] < -1e-3
    values = [float(made.step(closure).detach()) for _ in range(12)]
    assert all(after < before for before, after in pairwise(values))


def test_the_forcing_follows_the_gradient_and_is_safeguarded(small_classifier, method):
    made, _ = method(NewtonCG, *small_classifier(), tolerance=0.5)
    g = torch.ones(sum(w.numel() for w in made.theta))
    found = [made.forcing(g * size) for size in (1.0, 0.5, 0.25, 0.025)]
    assert found == pytest.approx([0.5, 0.9 * 0.5**2, 0.9 * 0.5**2, 0.9 * 0.1**2])
    assert made.forcing(g) == 0.5  # the gradient has grown
    assert made.forcing(g * 1e-3) == pytest.approx(0.9 * 0.5**2)  # falls no faster than eta^2 while that is large


def test_the_forcing_is_part_of_the_state(small_classifier, method):
    net, x, c = small_classifier()
    made, closure = method(NewtonCG, net, x, c)
    for _ in range(3):
        made.step(closure)
    again, _ = method(NewtonCG, net, x, c)
    again.load_state_dict(made.state_dict())
    g = 0.3 * torch.ones(sum(w.numel() for w in made.theta))
    assert made.forcing(g) == again.forcing(g)
