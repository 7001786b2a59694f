"""Congestion through a kernel: closed forms of normal crowds, its tangent, and what it takes for the crowd."""

from math import pi

import pytest
import torch

from pdebridge.meanfield import nonlocal_congestion
from pdebridge.meanfield.densities import Gaussian, GaussianMixture
from pdebridge.meanfield.games import Game
from pdebridge.meanfield.interactions import Congestion
from pdebridge.meanfield.nonlocal_congestion import NonlocalCongestion
from pdebridge.meanfield.normals import Normals
from pdebridge.meanfield.objective import objective
from pdebridge.meanfield.potential import Potential
from pdebridge.meanfield.residuals import hjb_quantiles


@pytest.fixture(autouse=True)
def many_partners(monkeypatch):
    """Values are compared with integrals."""
    monkeypatch.setattr(nonlocal_congestion, "PARTNERS", 1024)


def closed_form(weight, width, variance, apart):
    """Return F of normal crowds of one variance in the plane, whose means are `apart` from each other."""
    spread = 2 * variance + width**2
    return weight / 2 * sum((-(r**2) / (2 * spread)).exp() / (2 * pi * spread) for r in torch.tensor(apart))


@pytest.mark.parametrize(("crowds", "apart"), [(1, [0.0]), (2, [0.0, 0.0, 1.0, 1.0])])
def test_normal_crowds_have_their_closed_form(crowds, apart):
    part = NonlocalCongestion(3.0, 0.6, crowds)
    x = Gaussian([0.0, 0.0, 0.6, 0.8][: 2 * crowds], 0.4).sobol(2**13)
    f, variation = part(x, torch.zeros(len(x)))
    expected = closed_form(3.0, 0.6, 0.4, apart)
    torch.testing.assert_close(f.mean(), expected, rtol=0.05, atol=0)
    torch.testing.assert_close(variation, 2 * f)
    beside, _ = part.among(x[:100], torch.zeros(100), 0.0, x)
    torch.testing.assert_close(beside, f[:100], rtol=0.2, atol=0.02)


def test_a_narrow_kernel_is_local():
    """``weight rho^2/2`` of a normal density in the plane is ``weight/(8 pi variance)``."""
    x = Gaussian([0.0, 0.0], 0.4).sobol(64)
    local = Congestion(3.0, 1.0)(x, Gaussian([0.0, 0.0], 0.4).log_density(x))[0]
    crowd = Normals.with_moments(torch.zeros(1, 1, 2), 0.4 * torch.eye(2)[None])
    b = NonlocalCongestion(3.0, 1e-4).below(x[None], crowd, torch.zeros(1, 1))[0]
    torch.testing.assert_close(b, 2 * local - 3.0 / (8 * pi * 0.4), rtol=1e-6, atol=1e-9)


def test_no_row_is_its_own_neighbour():
    """Rows far apart do not feel each other; a pair feels one half of the whole crowd of two others."""
    part = NonlocalCongestion(1.0, 0.1)
    x = torch.tensor([[0.0], [0.0], [50.0]])
    peak = 1 / (0.1 * (2 * pi) ** 0.5)
    torch.testing.assert_close(part(x, torch.zeros(3))[1], torch.tensor([peak / 2, peak / 2, 0.0]))
    assert part(x[:1], torch.zeros(1))[1] == 0


@pytest.mark.parametrize("crowds", [1, 2])
def test_it_lies_above_its_tangent_and_touches_it(crowds):
    part = NonlocalCongestion(3.0, 0.6, crowds)
    size = 2 // crowds
    mean, root = torch.tensor([0.3, -0.2]), torch.tensor([[0.8, 0.0], [0.3, 1.1]])
    normal = Gaussian(mean, root @ root.T)
    r = Normals.with_moments(mean.view(1, 1, 2), (root @ root.T)[None])
    assert size * crowds == normal.d

    def gap(density):
        x = density.sobol(2**12)
        return float(part(x, torch.zeros(len(x)))[0].mean() - part.below(x[None], r, torch.zeros(1, 1)).mean())

    assert gap(normal) == pytest.approx(0, abs=0.012)
    for density in (Gaussian([1.5, 1.0], 0.4), GaussianMixture([[-1.0, 0.0], [2.0, 0.0]], 0.3)):
        assert gap(density) > 0.03


def test_the_objective_has_its_derivative(along_a_direction):
    """The hand-written adjoint, through the pairs, against central differences in a random direction."""
    game = Game(Gaussian([0.0, 0.5], 0.4), Gaussian([1.0, 0.0], 0.4), [NonlocalCongestion(2.0, 0.7)])
    torch.manual_seed(1)
    phi, x = Potential(2, 6, spread=0.3), game.initial.sobol(32)
    slope, moved = along_a_direction(phi, lambda: objective(game, phi, x, 3).total)
    torch.testing.assert_close((moved(1e-5) - moved(-1e-5)) / 2e-5, slope, rtol=1e-6, atol=0)


def test_beside_the_crowd_its_own_samples_count():
    """With a potential that moves nobody the residual far away is that of no crowd at all."""
    game = Game(Gaussian([0.0, 0.5], 0.01), Gaussian([1.0, 0.0], 0.01), [NonlocalCongestion(2.0, 0.1)])
    phi = Potential(2, 2).requires_grad_(False)
    for weight in phi.parameters():
        weight.zero_()
    found = hjb_quantiles(game, phi, steps=1, samples=64, spread=50.0)
    assert found["off"][0] < 1e-6 < found["on"][0]


@pytest.mark.parametrize(("weight", "width"), [(-1.0, 1.0), (1.0, 0.0)])
def test_bad_input_is_refused(weight, width):
    with pytest.raises(ValueError, match=f"must be positive, not {weight:g} and {width:g}"):
        NonlocalCongestion(weight, width)
