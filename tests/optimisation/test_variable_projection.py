"""The classifier projected out: its derivatives, its minimum, and the derivatives of what is left."""

from itertools import pairwise

import pytest
import torch
from torch.nn.functional import cross_entropy, one_hot

from pdebridge.optimisation.variable_projection import Projected, Softmax

N, D, K, BETA = 40, 3, 4, 1e-2


def problem(f=None):
    f = torch.randn(N, D) if f is None else f
    q = one_hot(torch.arange(N) % K, K).to(f)
    return Softmax(f, q, BETA), q


def phi(V, f, q):
    return cross_entropy(f @ V[:, :-1].T + V[:, -1], q) + BETA / 2 * V[:, :-1].square().sum()


def test_value_gradient_and_hessian_are_those_of_autograd():
    f, V = torch.randn(N, D), torch.randn(K, D + 1)
    made, q = problem(f)
    p = made.probabilities(V)
    assert made.value(V) == pytest.approx(float(phi(V, f, q)), rel=1e-13)
    torch.testing.assert_close(made.gradient(V, p), torch.func.grad(phi)(V, f, q))
    exact = torch.func.hessian(phi)(V, f, q).reshape(V.numel(), V.numel())
    torch.testing.assert_close(made.hessian(p), exact)


def test_newton_converges_quadratically_to_the_minimum():
    made, _ = problem()
    best, _ = made.minimise(torch.zeros(K, D + 1), tolerance=0.0)
    assert made.gradient(best, made.probabilities(best)).abs().max() < 1e-8
    start, norms = best + 0.4 * torch.randn(K, D + 1), []
    for iterations in range(1, 12):
        V, _ = made.minimise(start, tolerance=0.0, iterations=iterations)
        norms.append(float(made.gradient(V, made.probabilities(V)).norm()))
    small = [n for n in norms if 1e-8 < n < 0.1]
    assert len(small) >= 2, norms
    assert all(after < before**1.7 for before, after in pairwise(small))


def test_the_gradient_of_the_projected_objective_has_a_taylor_remainder_of_order_two():
    f, df = torch.randn(N, D), torch.randn(N, D)

    def psi(t):
        return problem(f + t * df)[0].minimise(torch.zeros(K, D + 1), tolerance=0.0)

    V, value = psi(0.0)
    slope = float((Projected(problem(f)[0], V).slope * df).sum())
    remainders = [abs(psi(t)[1] - value - t * slope) for t in (1e-2, 5e-3, 2.5e-3)]
    orders = [float(torch.log2(torch.tensor(a / b))) for a, b in pairwise(remainders)]
    assert orders == pytest.approx([2, 2], abs=0.05)
    assert min(remainders) < 0.1 * 2.5e-3 * abs(slope)


def test_the_curvature_is_the_schur_complement_of_the_joint_gauss_newton_matrix():
    f = torch.randn(N, D)
    made, _ = problem(f)
    V, _ = made.minimise(torch.zeros(K, D + 1))
    J_f, J_V = torch.func.jacrev(lambda f, V: f @ V[:, :-1].T + V[:, -1], argnums=(0, 1))(f, V)
    J_f, J_V = J_f.reshape(N * K, N * D), J_V.reshape(N * K, -1)
    p = made.probabilities(V)
    S = torch.block_diag(*(torch.diag_embed(p) - p[:, :, None] * p[:, None, :])) / N
    A = J_V.T @ S @ J_V + torch.diag(made.beta.repeat(K))
    schur = J_f.T @ (S - S @ J_V @ torch.linalg.pinv(A, hermitian=True) @ J_V.T @ S) @ J_f
    psi = Projected(made, V)
    units = torch.eye(N * D).view(N * D, N, D)
    found = torch.stack([psi.curvature(unit).flatten() for unit in units], dim=1)
    torch.testing.assert_close(found, schur, rtol=1e-7, atol=1e-11)
    assert torch.linalg.eigvalsh(found).min() > -1e-14


def test_features_that_are_not_finite_give_no_value():
    made, _ = problem(torch.full((N, D), torch.inf))
    _, value = made.minimise(torch.ones(K, D + 1))
    assert value != value
