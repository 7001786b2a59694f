"""Pieces of a series are views; what is no series is refused in one line; a fit finds the truth."""

import math

import pytest
import torch

from pdebridge.cube import load
from pdebridge.dynamics.control import Constant
from pdebridge.dynamics.stencil import Stencil
from pdebridge.gradients.stored import stored
from pdebridge.networks.flow import Flow
from pdebridge.optimisation.series import fit, fit_few, pieces, residuals


def test_pieces_overlap_and_belong_to_one_trajectory():
    u = torch.arange(2 * 5 * 3.0).view(2, 5, 1, 3)
    cut, interval = pieces(u, 0.5 * torch.arange(5), 2)
    assert cut.shape == (6, 3, 1, 3)
    assert interval == 0.5
    assert torch.equal(cut[4], u[1, 1:4])


@pytest.mark.parametrize(
    ("times", "steps", "message"),
    [
        ([0.0, 1.0], 2, "a piece of 2 intervals needs 3 samples, and the series has 2"),
        ([0.0, 1.0, 2.1], 1, "equally spaced .found intervals from 1 to 1.1"),
        ([0.0, 0.0, 0.0], 1, "equally spaced"),
        ([0.0, 1.0, math.nan], 1, "equally spaced"),
    ],
)
def test_what_is_no_series_is_refused(times, steps, message):
    with pytest.raises(ValueError, match=message) as refused:
        pieces(torch.zeros(1, len(times), 1, 4), torch.tensor(times, dtype=torch.float64), steps)
    assert "\n" not in str(refused.value)


def test_a_value_that_is_not_finite_is_named():
    u = torch.zeros(2, 4, 1, 3)
    u[1, 2, 0, 1] = math.nan
    with pytest.raises(ValueError, match="trajectory 1, sample 2"):
        pieces(u, torch.arange(4.0), 1)
    with pytest.raises(ValueError, match="5 times do not belong"):
        pieces(u, torch.arange(5.0), 1)


@pytest.mark.parametrize(("method", "interval"), [(fit_few, 0.1), (fit_few, 1e-4), (fit, 0.1)])
def test_the_weights_that_made_a_series_are_found(method, interval):
    F = Stencil(1, 2 * math.pi, orders=(1, 2), taps=5).double()
    flow = Flow(F, Constant(F).double(), load("pdebridge.integrators.exponential:ETDRK4")(), stored, 1, interval)
    truth = [torch.tensor([[-0.5], [0.2]]), torch.tensor([[-1.0]])]
    with torch.no_grad():
        for w, value in zip(flow.control.parameters(), truth, strict=True):
            w.copy_(value)
        states = [torch.randn(3, 1, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))]
        for _ in range(3):
            states.append(flow(states[-1]))
        for w in flow.control.parameters():
            w.zero_()
    samples, _ = pieces(torch.stack(states, 1), interval * torch.arange(4, dtype=torch.float64), 2)
    assert method(flow, samples) < 1e-12 * residuals(flow, samples).square().mean() + 1e-11
    tolerance = 1e-6 if method is fit_few else 1e-2
    for w, value in zip(flow.control.parameters(), truth, strict=True):
        assert w.detach()[0].numpy() == pytest.approx(value.numpy(), abs=tolerance)
