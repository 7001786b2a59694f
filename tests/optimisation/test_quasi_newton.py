from copy import deepcopy
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.optimize import minimize, rosen, rosen_der

from pdebridge.optimisation.quasi_newton import BFGS, LBFGS


def minimise(method, f, start, steps, **options):
    w = torch.nn.Parameter(torch.as_tensor(start, dtype=torch.float64).clone())
    optimizer = method([w], **options)

    def closure():
        optimizer.zero_grad()
        value = f(w)
        value.backward()
        return value

    values = [optimizer.step(closure) for _ in range(steps)]
    return w, optimizer, closure, values


def rosenbrock(w):
    return (100 * (w[1:] - w[:-1] ** 2) ** 2 + (1 - w[:-1]) ** 2).sum()


@pytest.mark.parametrize("method", [BFGS, LBFGS])
def test_the_valley_of_rosenbrock(method):
    w, _, _, values = minimise(method, rosenbrock, [-1.2, 1.0, -0.5, 0.8], 60)
    torch.testing.assert_close(w.detach(), torch.ones(4), rtol=0, atol=1e-6)
    assert all(b <= a for a, b in pairwise(values))
    reference = minimize(rosen, [-1.2, 1.0, -0.5, 0.8], jac=rosen_der, method="BFGS")
    assert np.allclose(reference.x, w.detach().numpy(), atol=1e-4)


def test_bfgs_finds_the_inverse_hessian_of_a_quadratic():
    B = torch.randn(5, 5)
    A = B @ B.T + torch.eye(5)
    _, optimizer, _, _ = minimise(BFGS, lambda w: 0.5 * w @ A @ w, torch.randn(5), 40, c2=0.1)
    torch.testing.assert_close(optimizer.memory["H"] @ A, torch.eye(5), rtol=0, atol=2e-2)


def test_the_update_satisfies_the_secant_equation_and_equals_the_product_form():
    optimizer = BFGS([torch.nn.Parameter(torch.zeros(6))])
    B = torch.randn(6, 6)
    H = B @ B.T + torch.eye(6)
    s, y = torch.randn(2, 6)
    y = y if s @ y > 0 else -y
    optimizer.memory["H"] = H.clone()
    optimizer.update(s, y)
    left = torch.eye(6) - torch.outer(s, y) / (s @ y)
    torch.testing.assert_close(optimizer.memory["H"], left @ H @ left.T + torch.outer(s, s) / (s @ y))
    torch.testing.assert_close(optimizer.memory["H"] @ y, s)


def test_two_loops_equal_the_dense_update():
    """With every pair kept, L-BFGS is BFGS from the last pair's scaling."""
    limited = LBFGS([torch.nn.Parameter(torch.zeros(4))], history=3)
    dense = BFGS([torch.nn.Parameter(torch.zeros(4))])
    pairs = [(s, s + 0.3 * torch.randn(4)) for s in torch.randn(3, 4)]
    s, y = pairs[-1]
    dense.memory["H"] = torch.eye(4) * (s @ y) / (y @ y)
    for pair in pairs:
        limited.update(*pair)
        dense.update(*pair)
    g = torch.randn(4)
    torch.testing.assert_close(limited.direction(g), dense.direction(g))
    limited.update(*pairs[0])
    assert len(limited.memory["pairs"]) == 3


@pytest.mark.parametrize("method", [BFGS, LBFGS])
def test_a_function_with_kinks(method):
    w, _, _, _ = minimise(
        method, lambda w: w[0].abs() + 2 * (w[1] - w[0]).abs() + 0.1 * w.square().sum(), [3.0, -2.0], 60
    )
    assert float(w.abs().max()) < 1e-4


@pytest.mark.parametrize("method", [BFGS, LBFGS])
def test_new_samples_do_not_enter_a_pair(method):
    """After a change of the objective the next pair is that of the new one alone; the old curvature stays."""
    w = torch.nn.Parameter(torch.tensor([1.0, 1.0]))
    optimizer, target, pairs = method([w]), [torch.tensor([2.0, -3.0])], []
    learn = optimizer.update
    optimizer.update = lambda s, y: (pairs.append((s, y)), learn(s, y))

    def closure():
        optimizer.zero_grad()
        value = 0.5 * (w - target[0]).square() @ torch.tensor([1.0, 4.0])
        value.backward()
        return value

    optimizer.step(closure)
    target[0] = torch.tensor([-50.0, 70.0])
    optimizer.resampled()
    optimizer.step(closure)
    for s, y in pairs:
        torch.testing.assert_close(y, s * torch.tensor([1.0, 4.0]))
    assert len(pairs) == 2


def test_where_nothing_descends_the_weights_stay():
    w, optimizer, closure, _ = minimise(BFGS, lambda w: w.abs().sum(), [0.0], 2)
    assert float(w) == 0
    optimizer.step(closure)


@pytest.mark.parametrize("method", [BFGS, LBFGS])
def test_a_restored_optimizer_continues_the_same_way(method):
    w, optimizer, closure, _ = minimise(method, rosenbrock, [-1.2, 1.0], 7)
    state, position = deepcopy(optimizer.state_dict()), w.detach().clone()
    for _ in range(3):
        optimizer.step(closure)
    again = torch.nn.Parameter(position)
    restored = method([again])
    restored.load_state_dict(state)

    def replay():
        restored.zero_grad()
        value = rosenbrock(again)
        value.backward()
        return value

    for _ in range(3):
        restored.step(replay)
    assert torch.equal(again, w)


def test_several_groups_are_refused():
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))]} for _ in range(2)]
    with pytest.raises(ValueError, match="one group"):
        BFGS(groups)
