"""The reversible forms: their recursion written out, adaptive steps that are met again, and what is refused."""

import pytest
import torch

from pdebridge.gradients.reversible import Reversible
from pdebridge.integrators.dormand_prince import StepSizeError
from pdebridge.integrators.momentum import Momentum
from pdebridge.integrators.paired import Paired, PairedEuler
from pdebridge.integrators.paired_adaptive import PairedDormandPrince
from pdebridge.networks.flow import Flow, flow


def test_the_recursion_of_the_paper() -> None:
    """For forward Euler ``Psi_h = h F`` and ``Psi_{-h} = -h F``."""
    step, h, coupling = PairedEuler(0.9), 0.1, 0.9
    y, z = torch.tensor([[1.0]]), torch.tensor([[2.0]])
    found = step.step(lambda u, *_: -u, (y, z), h)  # type: ignore[arg-type]
    first = coupling * y + (1 - coupling) * z - h * z
    torch.testing.assert_close(found, (first, z - h * first))


def test_momentum_is_that_of_the_paper() -> None:
    found = Momentum(0.9).step(lambda u: 3 * u, (torch.tensor([2.0]), torch.tensor([5.0])), 0.5)  # type: ignore[arg-type]
    v = 0.9 * 5 + 0.1 * 6
    torch.testing.assert_close(found, (torch.tensor([2 + 0.5 * v]), torch.tensor([v])))


@pytest.mark.parametrize("rtol", [1e-3, 1e-6, 1e-9])
def test_adaptive_steps_follow_the_tolerance_and_have_the_gradient_of_the_plain_loop(rtol: float) -> None:
    torch.manual_seed(0)
    net = flow("perceptron", PairedDormandPrince(rtol), width=4, hidden=8, steps=2, time=6.0).double()
    with torch.no_grad():
        for w in net.control.parameters():
            w.mul_(2)
    u = torch.randn(5, 4, dtype=torch.float64)
    exact = Flow(net.dynamics, net.control, PairedDormandPrince(1e-12), "stored", 2, 6.0)(u)
    assert (net(u) - exact).norm() < 30 * rtol * exact.norm()
    found = []
    for mode in ("stored", Reversible(), "checkpointed", "taped"):
        v = u.clone().requires_grad_()
        end = Flow(net.dynamics, net.control, PairedDormandPrince(rtol), mode, 2, 6.0)(v)
        found.append(torch.autograd.grad(end.square().sum(), [v, *net.parameters()]))
    for gradients in found[1:]:
        for a, b in zip(gradients, found[0], strict=True):
            assert (a - b).norm() <= 1e-10 * b.norm()


def test_two_passes_before_the_way_back_do_not_mix_their_steps() -> None:
    torch.manual_seed(0)
    net = flow("perceptron", PairedDormandPrince(1e-6), Reversible, width=4, steps=1, time=2.0).double()
    u, v = torch.randn(5, 4, dtype=torch.float64), 9 * torch.randn(5, 4, dtype=torch.float64)
    both = torch.autograd.grad(net(u).square().sum() + net(v).square().sum(), list(net.parameters()))
    single = [torch.autograd.grad(net(w).square().sum(), list(net.parameters())) for w in (u, v)]
    for a, b, c in zip(both, *single, strict=True):
        torch.testing.assert_close(a, b + c)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="coupling of a reversible form"):
        PairedEuler(0.0)
    with pytest.raises(ValueError, match="momentum gamma lies between 0 and 1"):
        Momentum(1.0)
    with pytest.raises(ValueError, match="tolerances and attempts are positive"):
        PairedDormandPrince(-1.0)
    net = flow("perceptron", PairedDormandPrince(1e-9), width=4, steps=1, time=1.0)
    with pytest.raises(ValueError, match="below the precision"):
        net(torch.randn(1, 4))
    net = flow("perceptron", PairedDormandPrince(1e-6, attempts=2), width=4, steps=1, time=50.0).double()
    with pytest.raises(StepSizeError, match="reversible-dopri5"):
        net(torch.randn(1, 4, dtype=torch.float64))
    assert issubclass(PairedDormandPrince, Paired) and PairedDormandPrince.reversible
