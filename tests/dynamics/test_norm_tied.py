"""Weights whose norm is prescribed: true bounds, exact gradients, and steps that do not expand while they train."""

import copy
import math

import pytest
import torch

from attack import growth
from pdebridge.dynamics.norm_tied import NormTied
from pdebridge.dynamics.parabolic import Parabolic
from pdebridge.networks.certificate import contractive
from pdebridge.networks.flow import Flow, flow

PIXELS = {"dense": (), "conv1d": (9,), "conv2d": (7, 6)}


def tied(operator: str, steps: int = 3, width: int = 4, gradient="stored", **options) -> Flow:
    torch.manual_seed(0)
    F = Parabolic(width, operator=operator, normalisation="none", activation="relu")
    return Flow(F, NormTied(F, steps, **options), "forward-euler", gradient, steps, float(steps)).double()


@pytest.mark.parametrize("operator", PIXELS)
def test_no_weights_expand(operator: str) -> None:
    """Any weights, set by hand and far from those of the power iteration, are tied to a true bound in evaluation."""
    net = tied(operator).eval()
    for scale in (1e-3, 1.0, 1e4):
        with torch.no_grad():
            net.control.K.copy_(scale * torch.randn_like(net.control.K))
        assert contractive(net, PIXELS[operator]).holds and contractive(net).number == pytest.approx(1)
        u = torch.randn(2, 4, *PIXELS[operator], dtype=torch.float64)
        assert growth(copy.deepcopy(net), u, 10).max() <= 1 + 1e-9
    with torch.no_grad():
        net.control.K.zero_()
    assert torch.equal(net(u), u)


@pytest.mark.parametrize(("operator", "optimiser"), [("dense", "SGD"), ("conv2d", "SGD"), ("conv2d", "Adam")])
def test_no_step_of_a_training_expands(operator: str, optimiser: str) -> None:
    """The certificate, with the true norms of the weights that the steps see, holds at every step of a training."""
    net = tied(operator)
    method = getattr(torch.optim, optimiser)(net.parameters(), lr={"SGD": 0.5, "Adam": 0.02}[optimiser])
    first = net.control.K.detach().clone()
    for _ in range(40):
        u = torch.randn(8, 4, *PIXELS[operator], dtype=torch.float64)
        method.zero_grad()
        (net(u) - 0.3 * u.flip(1)).square().mean().backward()
        method.step()
        assert net.training and contractive(net).holds
    assert (net.control.K - first).norm() > 0.1 * first.norm()


def test_without_the_iteration_the_certificate_says_so() -> None:
    net = tied("conv2d")
    net.control.iterate = lambda: None
    with torch.no_grad():
        net.control.K.copy_(net.control.K.flip(1, 2))
        net.control.K[:, 0] *= 5
    assert not contractive(net).holds


@pytest.mark.parametrize("operator", PIXELS)
def test_the_gradient_is_that_of_the_tied_weights(operator: str) -> None:
    """Against central differences, with the vectors of the power iteration converged."""
    net = tied(operator, steps=1)
    u = torch.randn(2, 4, *PIXELS[operator], dtype=torch.float64)
    direction = torch.randn_like(net.control.K)
    for training in (False, True):
        net.train(training)
        for _ in range(2000 if training else 0):
            net.control.iterate()

        def value(t: float, net: Flow = net) -> torch.Tensor:
            moved = copy.deepcopy(net)
            with torch.no_grad():
                moved.control.K.add_(direction, alpha=t)
            return moved(u).square().sum()

        net.zero_grad()
        net(u).square().sum().backward()
        slope = float((net.control.K.grad * direction).sum())
        assert slope == pytest.approx(float((value(1e-5) - value(-1e-5)).detach()) / 2e-5, rel=1e-5)


def test_scales_of_the_weights_do_not_matter() -> None:
    net = tied("conv2d").eval()
    u = torch.randn(2, 4, 7, 6, dtype=torch.float64)
    before = net(u)
    with torch.no_grad():
        net.control.K.mul_(7)
    torch.testing.assert_close(net(u), before)


@pytest.mark.parametrize("gradient", ["taped", "checkpointed"])
def test_modes_agree_while_the_iteration_goes_on(gradient: str) -> None:
    first, second = tied("conv2d"), tied("conv2d", gradient=gradient)
    u = torch.randn(2, 4, 5, 5, dtype=torch.float64)
    for net in (first, second):
        for _ in range(3):
            net.zero_grad()
            net(u).square().sum().backward()
    torch.testing.assert_close(second.control.K.grad, first.control.K.grad, rtol=1e-11, atol=1e-11)


def test_other_families_are_bounded_by_the_norm_alone() -> None:
    """A Verlet step grows by at most ``|[[1, a], [a, 1 + a^2]]|`` with ``a = h rho^2``; the least such bound holds."""
    options = {"operator": "conv2d", "normalisation": "none"}
    numbers = []
    for seed in range(2):
        torch.manual_seed(seed)
        net = flow("hamiltonian", "verlet", width=4, steps=3, time=3.0, control="norm-tied", **options).eval()
        net.control.norm = 0.3
        numbers.append(contractive(net).number)
    a = torch.tensor([[1.0, 0.09], [0.09, 1 + 0.09**2]]).double()
    limit = float(torch.linalg.matrix_norm(torch.linalg.matrix_power(a, 3), 2))
    assert all(0.9 * limit < number <= limit + 1e-6 for number in numbers)


def test_a_level_is_prolonged_with_its_vectors() -> None:
    net = tied("conv2d")
    net.refine(6)
    assert net(torch.randn(1, 4, 5, 5, dtype=torch.float64)).isfinite().all()
    assert contractive(net).number < 1 + 1e-9 or net.h != 1.0


def test_what_cannot_be_tied_is_refused() -> None:
    with pytest.raises(ValueError, match="positive norm"):
        tied("dense", norm=0.0)
    assert f"||K|| = {math.sqrt(1.9):.4g}" in repr(tied("dense"))
