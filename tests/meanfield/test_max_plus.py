"""Bounds from the largest of several quadratics: their duality is exact, so that no search can break them."""

import pytest
import torch

from pdebridge.meanfield.closed_forms import GaussianTransport
from pdebridge.meanfield.densities import Gaussian, GaussianMixture, components
from pdebridge.meanfield.games import Alpha, Game, crowd_motion, gaussian, gaussian_transport, optimal_transport
from pdebridge.meanfield.gaussians import gaussian_map
from pdebridge.meanfield.max_plus import Dual, lower_bound

ALPHA = Alpha(2.0, 1.0, 5.0, 1.0, 1.0)


def dual(game):
    return Dual(components(game.initial), components(game.target), game.alpha.transport, game.alpha.terminal)


def jittered(game, size=0.3):
    """Return the dual far from its optimum: its inequalities hold everywhere."""
    found = dual(game)
    with torch.no_grad():
        for weight in found.parameters():
            weight += size * torch.randn(weight.shape)
    return found


def test_q_is_the_supremum_of_p_less_the_kinetic_energy():
    found = jittered(optimal_transport(2))
    S = found.S()
    y = torch.randn(30, 2)
    q = found.q(y, torch.linalg.inv(S))
    x = (10 * torch.randn(50_000, 2)).detach()
    p = found.p(x, S)
    for j in range(8):
        best = (p[:, j] - found.alpha1 * torch.cdist(x, y).square().T / 2).amax(1)
        assert (best <= q[:, j] + 1e-9).all()
        assert (best > q[:, j] - 1.0).all()
    # and it is attained where T_j leads to y
    w = y.unsqueeze(1) - found.tau
    attained = found.c + torch.einsum("njd,jde->nje", w, torch.linalg.inv(S))
    for j in range(8):
        value = found.p(attained[:, j], S)[:, j] - found.alpha1 * (attained[:, j] - y).square().sum(1) / 2
        torch.testing.assert_close(value, q[:, j])


@pytest.mark.parametrize("components", [1, 8])
def test_masses_and_samples_are_those_of_the_tilted_target(components):
    target = optimal_transport(2).initial if components > 1 else Gaussian([0.0, 0.5], [[0.5, 0.2], [0.2, 0.3]])
    found = jittered(Game(optimal_transport(2).initial, target, (), ALPHA), 0.1)
    inverse = torch.linalg.inv(found.S())
    mass = found.tilted(inverse)[0].logsumexp(0)
    y = target.sobol(2**17)
    average = (found.q(y, inverse) / found.alpha3).logsumexp(1).exp().mean().log()
    torch.testing.assert_close(mass, average, atol=0.02, rtol=0)
    drawn, together, total = found.draw(2**15)
    torch.testing.assert_close(total, mass)
    # self-normalised: the mean of rho_1's own first moment under the tilt undone
    weights = (-together).softmax(0)
    torch.testing.assert_close(weights @ drawn, y.mean(0), atol=0.15, rtol=0)


def test_the_gain_is_the_mean_of_the_largest_quadratic():
    game = optimal_transport(2)
    found = jittered(game)
    with torch.no_grad():
        x = game.initial.sobol(2**16)
        average = found.p(x, found.S()).amax(1).mean()
        assert float(found._gain(2**15)) == pytest.approx(float(average), abs=0.02)


@pytest.mark.parametrize("size", [0.0, 0.1, 0.5])
def test_no_quadratics_are_above_the_optimum(size):
    """However they are chosen; the best are close."""
    found = jittered(optimal_transport(2), size)
    value, error = found.evaluate(4096)
    assert value - 2 * error < 10.68


def test_one_gaussian_to_another_is_exact_coordinate_by_coordinate():
    expected = sum(GaussianTransport(1, m, s, -1.0, 0.5, 2.0, 5.0).costs().value for m, s in ((1.0, 1.0), (3.0, 0.7)))
    game = gaussian_transport([1.0, 3.0], [1.0, 0.49], [-1.0, -1.0], 0.25, ALPHA)
    assert lower_bound(game) == (pytest.approx(expected, rel=1e-12), 0)


def test_correlated_gaussians_come_as_close_as_their_optimum():
    """Its map is affine: the weight of the divergence is large, so that its cost is half of alpha_1 W_2^2 nearly."""
    S0, S1 = torch.tensor([[2.0, 0.5], [0.5, 1.0]]), torch.tensor([[0.5, -0.2], [-0.2, 1.0]])
    m0, m1 = torch.tensor([1.0, 0.0]), torch.tensor([-1.0, 2.0])
    M = gaussian_map(S0, S1)
    transport = (m0 - m1).square().sum() + ((M - torch.eye(2)) @ S0 @ (M - torch.eye(2))).trace()
    bounds = [lower_bound(gaussian_transport(m0, S0, m1, S1, Alpha(2.0, 1.0, weight))) for weight in (5.0, 500.0)]
    assert bounds[0].value < bounds[1].value < float(transport)
    assert bounds[1].value == pytest.approx(float(transport), rel=0.03)
    assert bounds[0].standard_error == 0


def test_a_mixture_as_target_is_bounded():
    """Transport onto itself costs nothing, and is proved to cost no more than it does."""
    mixture = GaussianMixture([[-2.0, 0.0], [2.0, 0.0]], 0.3)
    value, error = lower_bound(Game(mixture, GaussianMixture([[-2.0, 0.0], [2.0, 0.0]], 0.3), (), ALPHA))
    assert -0.2 < value <= 2 * error


def test_the_same_call_gives_the_same_bound_and_leaves_the_generator_alone():
    before = torch.get_rng_state()
    first = lower_bound(optimal_transport(2), iterations=3, samples=64, seed=5)
    assert first == lower_bound(optimal_transport(2), iterations=3, samples=64, seed=5)
    assert torch.equal(before, torch.get_rng_state())


def test_what_it_is_not_for_is_refused():
    with pytest.raises(ValueError, match="without running cost"):
        lower_bound(crowd_motion(2))
    assert lower_bound(gaussian(2, alpha=Alpha(2.0, 1.0, 0.0))) == (0.0, 0.0)
