"""Many functions at once: their minima, and the iterates of a loop over them."""

from itertools import pairwise

import pytest
import torch

from pdebridge.optimisation.batched_quasi_newton import evaluate, minimise, search
from pdebridge.optimisation.two_loops import Pair, descent

N, n = 7, 5


def quadratics():
    """``f_k = x.A_k x / 2 - b_k.x`` with condition numbers and sizes that differ by orders of magnitude."""
    B = torch.randn(N, n, n)
    A = torch.logspace(-3, 3, N)[:, None, None] * (B @ B.mT + torch.eye(n))
    b = torch.randn(N, n)
    return A, b, lambda x: torch.einsum("ki,kij,kj->k", x, A, x) / 2 - (b * x).sum(1)


def rosenbrock(x):
    return (100 * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (1 - x[:, :-1]) ** 2).sum(1)


def test_every_quadratic_reaches_its_own_minimum():
    A, b, f = quadratics()
    torch.testing.assert_close(minimise(f, torch.randn(N, n), 60), torch.linalg.solve(A, b), rtol=1e-5, atol=1e-8)


def test_the_iterates_are_those_of_a_loop_over_the_functions():
    A, b, f = quadratics()
    x = torch.randn(N, n)
    together = minimise(f, x, 10)
    for k in range(N):
        alone = minimise(lambda r, k=k: (r[0] @ A[k] @ r[0] / 2 - b[k] @ r[0]).unsqueeze(0), x[k : k + 1], 10)
        torch.testing.assert_close(together[k : k + 1], alone, rtol=1e-9, atol=1e-12)


def test_curved_valleys():
    found = minimise(rosenbrock, torch.randn(N, 2), 100)
    torch.testing.assert_close(found, torch.ones(N, 2), rtol=0, atol=1e-5)


def test_no_value_rises():
    x = torch.randn(N, 3)
    values = [rosenbrock(minimise(rosenbrock, x, k)) for k in range(12)]
    assert all((b <= a).all() for a, b in pairwise(values))


def test_the_direction_is_that_of_the_dense_method_for_each_function():
    pairs, g = [], torch.randn(N, n)
    for _ in range(3):
        s, y = torch.randn(2, N, n)
        curvature = (s * y).sum(1, keepdim=True)
        pairs.append(Pair(s, y, torch.where(curvature > 0, 1 / curvature, 0)))
    assert any((pair.weight == 0).any() for pair in pairs)
    scale = torch.rand(N, 1)
    found = descent(g, pairs, scale)
    for k in range(N):
        H = scale[k] * torch.eye(n)
        for s, y, weight in pairs:
            left = torch.eye(n) - weight[k] * torch.outer(s[k], y[k])
            H = left @ H @ left.T + weight[k] * torch.outer(s[k], s[k])
        torch.testing.assert_close(found[k], -H @ g[k])


def test_each_step_length_is_the_first_that_decreases_its_function():
    """From 1 along ``-g``: ``f_k = a_k x^2 / 2`` needs ``t < 2 / a_k``."""
    a = torch.tensor([0.5, 1.5, 3.0, 20.0])
    f = lambda x: a * x[:, 0].square() / 2  # noqa: E731
    at = evaluate(f, torch.ones(4, 1))
    new = search(f, at, -at.gradient, 1e-4, 20)
    t = (1 - new.x[:, 0]) / a
    torch.testing.assert_close(t, torch.tensor([1.0, 1.0, 0.5, 1 / 16]))


def test_a_function_that_nothing_decreases_stays_and_the_others_go_on():
    f = lambda x: torch.stack([x[0, 0].abs(), x[1, 0] ** 2])  # noqa: E731
    found = minimise(f, torch.tensor([[0.0], [3.0]]), 10)
    assert found[0] == 0
    assert abs(found[1]) < 1e-8


def test_a_value_that_is_not_finite_is_no_decrease():
    f = lambda x: x[:, 0] - 0.1 * torch.log(x[:, 0])  # noqa: E731
    torch.testing.assert_close(minimise(f, torch.full((3, 1), 0.8), 30), torch.full((3, 1), 0.1), rtol=1e-5, atol=0)


@pytest.mark.parametrize("iterations", [0, 1])
def test_the_start_is_not_changed(iterations):
    x = torch.randn(N, 2)
    kept = x.clone()
    minimise(rosenbrock, x, iterations)
    assert torch.equal(x, kept)


def test_it_ends_where_nothing_moves_any_more():
    """Rounding ends the search on a quadratic; twenty evaluations show it once, not in every iteration."""
    evaluations = []

    def f(x):
        evaluations.append(x)
        return (x - torch.tensor([[1.0, 2.0]])).square().sum(1)

    minimise(f, torch.randn(N, 2), 50)
    assert len(evaluations) < 50
