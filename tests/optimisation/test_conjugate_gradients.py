"""Conjugate gradients against dense solves, their bound of iterations, and curvature that is not positive."""

import pytest
import torch

from pdebridge.optimisation.conjugate_gradients import conjugate_gradients


def definite(eigenvalues):
    Q, _ = torch.linalg.qr(torch.randn(len(eigenvalues), len(eigenvalues)))
    return Q @ torch.diag(torch.as_tensor(eigenvalues)) @ Q.T


def counted(A):
    products = []

    def operator(v):
        products.append(v)
        return A @ v

    return operator, products


def test_it_solves_a_system_with_a_preconditioner():
    A, M, b = definite(torch.logspace(0, 3, 12)), definite(torch.linspace(1, 2, 12)), torch.randn(12)
    x = conjugate_gradients(lambda v: A @ v, b, lambda v: M @ v, 1e-13, 60)
    torch.testing.assert_close(x, torch.linalg.solve(A, b), rtol=1e-8, atol=1e-10)


def test_three_eigenvalues_take_three_products_and_an_exact_preconditioner_one():
    A, b = definite([1.0] * 4 + [10.0] * 4 + [100.0] * 4), torch.randn(12)
    for M, expected in ((torch.eye(12), 3), (torch.linalg.inv(A), 1)):
        operator, products = counted(A)
        conjugate_gradients(operator, b, lambda v, M=M: M @ v, 1e-9, 60)
        assert len(products) == expected


@pytest.mark.parametrize("most", [1, 4, 400])
def test_the_tolerance_and_the_limit_end_it_with_a_direction_of_descent(most):
    A, b = definite(torch.logspace(0, 4, 30)), torch.randn(30)
    operator, products = counted(A)
    x = conjugate_gradients(operator, b, lambda v: v, 1e-2, most)
    assert len(products) <= most
    assert b @ x > 0
    assert most < 400 or (b - A @ x).norm() <= 1e-2 * b.norm()


def test_negative_curvature_ends_it():
    b = torch.tensor([1.0, 1.0])
    first = conjugate_gradients(lambda v: -v, b, lambda v: v, 1e-9, 10)
    assert torch.equal(first, b)
    A = torch.diag(torch.tensor([2.0, -1.0]))  # b.A b = 1 > 0, then a direction downwards
    later = conjugate_gradients(lambda v: A @ v, b, lambda v: v, 1e-9, 10)
    torch.testing.assert_close(later, 2 * b)
