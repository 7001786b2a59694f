"""The operator in time against the penalties of a network, its inverse against a dense solve."""

import pytest
import torch

from pdebridge.networks.regularisation import smoothness, tikhonov
from pdebridge.optimisation.time_smoothness import TimeSmoothness

N, H, ALPHA, GAMMA = 7, 0.3, 0.02, 0.5


def dense(steps, shift):
    """``(alpha/h) D^T D + (gamma h + s) I`` from the difference matrix."""
    D = torch.diff(torch.eye(steps), dim=0)
    return ALPHA / H * D.T @ D + (GAMMA * H + shift) * torch.eye(steps)


@pytest.mark.parametrize("steps", [1, 2, N, 64])
def test_it_is_the_difference_matrix_and_its_inverse_that_of_a_dense_solve(steps):
    L, w = TimeSmoothness(steps, H, ALPHA, GAMMA, torch.zeros(())), torch.randn(steps, 3, 2)
    torch.testing.assert_close(L(w).flatten(1), dense(steps, 0.0) @ w.flatten(1))
    for shift in (0.0, 0.1):
        exact = torch.linalg.solve(dense(steps, shift), w.flatten(1))
        torch.testing.assert_close(L.solve(w, shift).flatten(1), exact, rtol=1e-11, atol=1e-12)


def test_its_quadratic_form_is_the_penalty_of_a_flow(small_classifier):
    net, *_ = small_classifier()
    flow = net.flow
    L = TimeSmoothness(flow.steps, flow.h, ALPHA, GAMMA, torch.zeros(()))
    form = sum((w * L(w)).sum() / 2 for w in flow.control.parameters())
    torch.testing.assert_close(form, ALPHA * smoothness(net) + GAMMA * tikhonov(net))
