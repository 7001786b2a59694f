"""Binary and ternary weights: the update against a plain loop, the set of values, the moving average, the schedule."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from pdebridge.networks.normalised import VALUES, NormalisedFeedForward
from pdebridge.optimisation.discrete_maximum_principle import BinaryMSA, TernaryMSA, slower
from pdebridge.training.losses import squared_hinge

METHODS = {"binary": BinaryMSA, "ternary": TernaryMSA}


def sign(m: float) -> float:
    return (m > 0) - (m < 0)


def largest_wrong(theta: list[float], M: list[float]) -> float:
    return max((abs(m) for w, m in zip(theta, M, strict=True) if sign(m) != w), default=0.0)


def binary(theta: list[float], M: list[float], rho: float) -> list[float]:
    """The published rule, weight by weight."""
    bound = rho * largest_wrong(theta, M)
    return [sign(m) if abs(m) > bound else w for w, m in zip(theta, M, strict=True)]


def ternary(theta: list[float], M: list[float], rho: float, sparsity: float) -> list[float]:
    bound, new = rho * largest_wrong(theta, M), []
    for w, m in zip(theta, M, strict=True):
        plus, minus = m > bound * (1 - 2 * w) + sparsity, m < -bound * (1 + 2 * w) - sparsity
        new.append(1.0 if plus else -1.0 if minus else 0.0)
    return new


def network(weights: str, seed: int = 0) -> NormalisedFeedForward:
    torch.manual_seed(seed)
    return NormalisedFeedForward((6, 12, 12, 3), weights)


def closure_of(net, method):
    x = torch.randn(40, 6)
    c = x[:, :3].argmax(1)

    def closure():
        method.zero_grad()
        loss = squared_hinge(net(x), c)
        loss.backward()
        return loss

    return closure


@given(seed=st.integers(0, 10_000), rho=st.floats(0, 0.99))
def test_the_binary_rule_is_that_of_a_plain_loop(seed, rho):
    generator = torch.Generator().manual_seed(seed)
    theta = 2.0 * torch.randint(2, (12,), generator=generator).double() - 1
    M = torch.randn(12, generator=generator, dtype=torch.float64)
    new = BinaryMSA(network("binary"), 0.5).maximise(theta, -M, rho)
    assert new.tolist() == binary(theta.tolist(), M.tolist(), rho)


@given(seed=st.integers(0, 10_000), rho=st.floats(0, 0.99), sparsity=st.floats(0, 1))
def test_the_ternary_rule_is_that_of_a_plain_loop(seed, rho, sparsity):
    generator = torch.Generator().manual_seed(seed)
    theta = torch.randint(3, (12,), generator=generator).double() - 1
    M = torch.randn(12, generator=generator, dtype=torch.float64)
    new = TernaryMSA(network("ternary"), 0.5, sparsity).maximise(theta, -M, rho)
    assert new.tolist() == ternary(theta.tolist(), M.tolist(), rho, sparsity)


def test_weights_that_agree_stay():
    theta = torch.tensor([1.0, -1.0, 1.0])
    assert torch.equal(BinaryMSA(network("binary"), 0.5).maximise(theta, -theta, 0.5), theta)


@pytest.mark.parametrize("weights", METHODS)
def test_weights_stay_in_their_set_and_the_loss_falls(weights):
    net = network(weights)
    method = METHODS[weights](net, 0.5, average=0.9, lr=0.02)
    closure = closure_of(net, method)
    losses, start = [], [w.detach().clone() for w in method.param_groups[0]["params"]]
    for _ in range(150):
        losses.append(method.step(closure).item())
        for w in method.param_groups[0]["params"]:
            assert torch.isin(w, torch.tensor(VALUES[weights])).all()
    assert losses[-1] < 0.5 * losses[0]
    assert all(not torch.equal(a, b) for a, b in zip(start, method.param_groups[0]["params"], strict=True))


def test_the_average_is_that_of_the_hamiltonian_s_derivative():
    """One linear layer: ``M = sum_i p_i x_i^T`` with ``p = -dPhi/dz``, in closed form."""
    net = nn.Sequential(nn.Linear(4, 3, bias=False))
    net[0].weight.data = net[0].weight.data.sign()
    theta = net[0].weight.detach().clone()
    method = BinaryMSA(net, 0.5, average=0.75)
    x, y = torch.randn(5, 4), torch.randn(5, 3)

    def closure():
        method.zero_grad()
        loss = (net(x) - y).square().sum() / 2
        loss.backward()
        return loss

    method.step(closure)
    p = y - x @ theta.T
    torch.testing.assert_close(-method.state[net[0].weight]["g"], 0.25 * p.T @ x)


def test_the_average_becomes_longer_with_every_epoch_and_adam_keeps_its_rate():
    net = network("binary")
    method = BinaryMSA(net, 0.5, average=0.999)
    schedule, closure = slower(method, 0.95), closure_of(net, method)
    for _ in range(3):
        method.step(closure)
        schedule.step()
    assert 1 - method.param_groups[0]["lr"] == pytest.approx(1 - 1e-3 * 0.95**3)
    assert method.adam.param_groups[0]["lr"] == 1e-3


@pytest.mark.parametrize("weights", METHODS)
def test_a_restored_method_goes_on_bit_for_bit(weights):
    ends = []
    for interrupted in (False, True):
        net = network(weights)
        method = METHODS[weights](net, 0.5, average=0.9)
        closure = closure_of(net, method)
        for step in range(20):
            if interrupted and step == 10:
                kept = method.state_dict()
                method = METHODS[weights](net, 0.5, average=0.9)
                method.load_state_dict(kept)
            method.step(closure)
        ends.append([w.clone() for w in net.state_dict().values()])
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


def test_other_weights_are_refused():
    with pytest.raises(ValueError, match=r"BinaryMSA needs linear layers whose weights are in \{-1, 1\}"):
        BinaryMSA(network("ternary"), 0.5)
    with pytest.raises(ValueError, match="weights must be one of binary, ternary"):
        NormalisedFeedForward((2, 2), "quaternary")


def test_the_squared_hinge_is_the_published_sum():
    z, c = torch.randn(7, 3), torch.randint(3, (7,))
    terms = [max(0.0, 1 - (1 if k == c[i] else -1) * float(z[i, k])) ** 2 for i in range(7) for k in range(3)]
    assert float(squared_hinge(z, c)) == pytest.approx(sum(terms) / 21)
    assert float(squared_hinge(z, c, reduction="sum")) == pytest.approx(sum(terms) / 3)
