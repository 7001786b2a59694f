"""Several crowds as one game: what decouples is the sum of single games, what is symmetric stays so."""

from dataclasses import replace

import pytest
import torch

from pdebridge.meanfield import certificate
from pdebridge.meanfield.certificate import certify
from pdebridge.meanfield.closed_forms import GaussianTransport
from pdebridge.meanfield.crowds import joint, marginal, together
from pdebridge.meanfield.densities import Gaussian, GaussianMixture
from pdebridge.meanfield.games import Alpha, Game
from pdebridge.meanfield.interactions import Congestion, Entropy, GaussianObstacle, Moving
from pdebridge.meanfield.max_plus import lower_bound
from pdebridge.meanfield.objective import objective
from pdebridge.meanfield.potential import Potential
from pdebridge.meanfield.separable import alone, separable

ALPHA = Alpha(2.0, 1.0, 5.0, 1.0, 1.0)


def crossing():
    """Two crowds in the plane, each with an obstacle, one of which moves."""
    parts = [GaussianObstacle(3.0, (0.0, 0.0), (0.4, 0.6)), Entropy(0.1)]
    moving = [Moving(GaussianObstacle(5.0, (0.0, -1.0), (0.4, 0.6)), [0.0, 2.0]), Entropy(0.1)]
    first = Game(
        GaussianMixture([[-2.0, 0.0], [-1.0, 1.0]], 0.3, [0.25, 0.75]), Gaussian([2.0, 0.0], 0.3), parts, ALPHA
    )
    return [first, Game(Gaussian([0.0, -2.0], [[0.3, 0.1], [0.1, 0.4]]), Gaussian([0.0, 2.0], 0.3), moving, ALPHA)]


def potential(rank=None):
    torch.manual_seed(3)
    phi = separable(Potential(4, 8, rank, spread=0.3), 2).requires_grad_(False)
    phi.quadratic.parametrizations.A.original.normal_()
    phi.quadratic.c.normal_()
    return phi


@pytest.mark.parametrize("rank", [None, 4])
def test_a_separable_potential_is_the_sum_of_its_parts(rank):
    """But for a function of the time, which moves nobody."""
    phi = potential(rank)
    x = torch.randn(7, 4)
    parts = [alone(phi, i, 2) for i in range(2)]
    rest = phi(x, 0.3) - sum(part(x[:, 2 * i : 2 * i + 2], 0.3) for i, part in enumerate(parts))
    torch.testing.assert_close(rest, rest[0].expand(7))
    gradients = torch.cat([part.grad(x[:, 2 * i : 2 * i + 2], 0.3) for i, part in enumerate(parts)], 1)
    torch.testing.assert_close(phi.grad(x, 0.3), gradients)


def test_matrices_are_taken_apart_and_put_together():
    phi = potential()
    for owner, name in ((phi, "K0"), (phi, "K1"), (phi.quadratic, "A")):
        form = owner.parametrizations[name]
        full, blocks = getattr(owner, name), form.original
        assert full.numel() > blocks.numel()
        torch.testing.assert_close(form[0](form[0].right_inverse(full)), full)
    assert phi.K0.shape == (8, 5) and phi.quadratic.A.shape == (5, 5)


def test_weights_that_couple_the_crowds_do_not_exist():
    game, phi = together(crossing(), 2.0, 0.5), separable(Potential(4, 8, spread=0.3), 2)
    objective(game, phi, game.initial.sobol(16), 2).total.backward()
    whole = sum(weight.numel() for weight in Potential(4, 8).parameters())
    own = sum(weight.numel() for weight in phi.parameters())
    assert own == whole - (8 * 5 - 2 * 4 * 3) - (64 - 32) - (25 - 18)
    assert all(weight.grad is not None for weight in phi.parameters())


def test_crowds_that_do_not_see_each_other_cost_what_they_cost_alone():
    """Congestion of weight 0: the terms are the sums of those of two single games, sample by sample."""
    games, phi = crossing(), potential()
    x = together(games).initial.sobol(64)
    found = objective(together(games), phi, x, 3)
    each = [objective(game, alone(phi, i, 2), x[:, 2 * i : 2 * i + 2], 3) for i, game in enumerate(games)]
    for name in ("transport", "running", "terminal"):
        torch.testing.assert_close(getattr(found, name), sum(getattr(one, name) for one in each))
    seen = objective(together(games, 5.0, 0.5), phi, x, 3)
    assert seen.running > found.running + 0.1


def test_the_proved_bound_of_crowds_apart_is_the_sum_of_theirs():
    solution = GaussianTransport(1, 1.0, 1.0, -1.0, 0.5, 2.0, 5.0)
    one = Game(Gaussian([1.0], 1.0), Gaussian([-1.0], 0.25), (), ALPHA)
    other = Game(Gaussian([2.0], 1.0), Gaussian([-1.0], 0.25), (), ALPHA)
    expected = solution.costs().value + replace(solution, mean0=2.0).costs().value
    assert lower_bound(together([one, other])) == (pytest.approx(expected, rel=1e-12), 0)


def test_symmetric_crowds_have_symmetric_controls():
    """Mirrored crowds: with a mirrored pair of potentials every step of descent is mirrored, and so is the limit."""
    ends = Gaussian([2.0, 0.3], 0.3), Gaussian([-2.0, 0.0], 0.3)
    mirrored = Gaussian([-2.0, 0.3], 0.3), Gaussian([2.0, 0.0], 0.3)
    game = together([Game(*ends, (), ALPHA), Game(*mirrored, (), ALPHA)], 5.0, 0.5)
    flip = torch.tensor([-1.0, 1.0])
    torch.manual_seed(0)
    phi = separable(Potential(4, 8, spread=0.3), 2)
    with torch.no_grad():
        for blocks in (phi.parametrizations.K0.original, phi.parametrizations.K1.original):
            blocks[1] = blocks[0]
        phi.parametrizations.K0.original[1, :, :2] *= flip
        for bias in (phi.b0, phi.b1, phi.w):
            bias[4:] = bias[:4]
    own = ends[0].sobol(32)
    x = torch.cat([torch.cat([own, own.flip(0) * flip], 1), torch.cat([own.flip(0), own * flip], 1)])
    method = torch.optim.Adam(phi.parameters(), lr=0.05)
    for _ in range(5):
        method.zero_grad()
        objective(game, phi, x, 2).total.backward()
        method.step()
    first, second = (alone(phi, i, 2) for i in range(2))
    torch.testing.assert_close(second.grad(own * flip, 0.5), first.grad(own, 0.5) * flip)
    assert first.grad(own, 0.5).abs().min() > 1e-3


def test_a_product_has_the_marginals_it_was_made_of():
    games = crossing()
    product = joint([game.initial for game in games])
    assert (product.components, product.d) == (2, 4)
    x = torch.randn(5, 4)
    alone_ = [game.initial.log_density(x[:, 2 * i : 2 * i + 2]) for i, game in enumerate(games)]
    torch.testing.assert_close(product.log_density(x), sum(alone_))
    for i, game in enumerate(games):
        torch.testing.assert_close(marginal(product, i, 2).log_density(x[:, :2]), game.initial.log_density(x[:, :2]))


def test_crowds_are_estimated_from_below(monkeypatch):
    monkeypatch.setattr(certificate, "MOMENTS", 256)
    game = together(crossing(), 2.0, 0.5)
    found = certify(game, potential(), steps=4, samples=32, replicates=2, starts=2, iterations=10)
    assert found.proof in ("estimated", "none")
    assert found.bound < found.primal


def test_what_crowds_cannot_share_is_refused():
    first, second = crossing()
    with pytest.raises(ValueError, match="Congestion sees a single crowd"):
        together(
            [Game(first.initial, first.target, [Congestion(1.0)], ALPHA), Game(first.initial, first.target, (), ALPHA)]
        )
    with pytest.raises(ValueError, match="the same dimension, alpha and weight of the entropy"):
        together([first, Game(second.initial, second.target, [], ALPHA)])
    with pytest.raises(ValueError, match="1296 components, more than 1024"):
        joint([GaussianMixture(torch.randn(36, 1), 0.1)] * 2)
    with pytest.raises(ValueError, match="width 7 and rank 0 cannot be shared among 2 crowds"):
        separable(Potential(4, 7), 2)
