import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from pdebridge.meanfield.characteristics import characteristics, trajectory
from pdebridge.meanfield.games import crowd_motion, optimal_transport
from pdebridge.meanfield.objective import objective
from pdebridge.meanfield.potential import Potential


def potential(d, spread=0.3):
    torch.manual_seed(1)
    return Potential(d, width=8, spread=spread)


def test_the_log_determinant_is_that_of_the_flow_map():
    game, phi = crowd_motion(3), potential(3)
    x = game.initial.sample(4)
    jacobian = torch.func.vmap(torch.func.jacrev(lambda y: flow(game, phi, y)))(x)
    ours = characteristics(game, phi, x, steps=40).log_determinant
    torch.testing.assert_close(ours, jacobian.logdet(), rtol=0, atol=1e-6)


def flow(game, phi, y):
    """The flow map by its gradients alone, in operations that functorch can differentiate."""
    h, z, gradient = 1 / 40, y.unsqueeze(0), lambda z, t: -phi.grad(z, t) / game.alpha.transport
    for k in range(40):
        k1 = gradient(z, k * h)
        k2 = gradient(z + h / 2 * k1, (k + 0.5) * h)
        k3 = gradient(z + h / 2 * k2, (k + 0.5) * h)
        z = z + h / 6 * (k1 + 2 * k2 + 2 * k3 + gradient(z + h * k3, (k + 1) * h))
    return z[0]


def test_change_of_variables_integrates_the_target():
    """E_(rho_0) [r(z) e^l / rho_0] is the integral of a density r over the image of the flow: the whole plane."""
    game, phi = crowd_motion(2), potential(2, spread=0.1)
    x = game.initial.sobol(2**14)
    end = characteristics(game, phi, x, steps=16)
    target = game.initial.log_density(end.z)
    mass = (target + end.log_determinant - game.initial.log_density(x)).exp().mean()
    assert mass.item() == pytest.approx(1, abs=0.03)


def test_a_divergence_estimated_along_the_flow_is_not_negative():
    game, phi = optimal_transport(2), potential(2)
    assert float(objective(game, phi, game.initial.sobol(2**13), steps=16).terminal) > 0


def test_a_constant_added_to_the_potential_changes_the_final_penalty_only():
    game, phi = crowd_motion(2), potential(2)
    x = game.initial.sample(64)
    before = objective(game, phi, x, 4)
    with torch.no_grad():
        phi.z0.add_(3.0)
    after = objective(game, phi, x, 4)
    for name in ("transport", "running", "terminal", "hjb_path"):
        torch.testing.assert_close(getattr(after, name), getattr(before, name))
    assert abs(float(after.hjb_final - before.hjb_final)) > 0.1


@pytest.mark.parametrize("game", [optimal_transport, crowd_motion])
def test_symmetric_games_have_symmetric_costs(game):
    """A potential that depends on |x_1| and |x_2| alone, here through its quadratic part, keeps the symmetry."""
    game, phi = game(2), potential(2)
    with torch.no_grad():
        phi.w.zero_()
        phi.quadratic.A.copy_(torch.diag(torch.tensor([0.7, 0.4, 0.2])))
    x = game.initial.sample(64)
    mirrored = x * torch.tensor([-1.0, 1.0])
    for one, other in zip(objective(game, phi, x, 4), objective(game, phi, mirrored, 4), strict=True):
        torch.testing.assert_close(one, other)


def test_the_running_and_path_terms_are_those_of_the_definition():
    """RK4 in the limit of one small step: rates at t = 0 against terms assembled by hand."""
    game, phi = crowd_motion(2), potential(2)
    x, h = game.initial.sample(5), 1e-5
    log_rho0 = game.initial.log_density(x)
    rates = characteristics(game, phi, x, 1, interval=(0.0, h)).integrals / h
    grad, dt, laplacian = phi.derivatives(x, 0.0)
    f, variation = game.running(x, log_rho0)
    kinetic = 0.5 * grad.square().sum(1)
    expected = torch.stack([-laplacian, kinetic, f, (-dt - variation + kinetic).abs()])
    torch.testing.assert_close(rates, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("game", [optimal_transport, crowd_motion])
def test_checkpointing_changes_no_number(game):
    game, phi = game(3), potential(3)
    x = game.initial.sample(16)
    gradients = []
    for checkpointed in (False, True):
        phi.zero_grad()
        objective(game, phi, x, 3, checkpointed=checkpointed).total.backward()
        gradients.append([weight.grad.clone() for weight in phi.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("rank", [None, 2])
@pytest.mark.parametrize("game", [optimal_transport, crowd_motion])
def test_taylor_test_of_the_gradient(game, rank, along_a_direction):
    """J(w + e dw) - J(w) - e <dJ, dw> falls like e^2."""
    torch.manual_seed(2)
    game, phi = game(3), Potential(3, 8, rank, spread=0.3)
    x = game.initial.sample(32)
    slope, moved = along_a_direction(phi, lambda: objective(game, phi, x, 2).total)
    total = moved(0.0)

    def remainder(e):
        return abs(float(moved(e) - total - e * slope))

    assert remainder(1e-5) < 0.02 * remainder(1e-4) or remainder(1e-5) < 1e-9


def test_weights_replace_the_mean():
    game, phi = crowd_motion(2), potential(2)
    x = game.initial.sample(6)
    doubled = torch.cat([x, x[:1]])
    weights = torch.tensor([1.0, 2, 2, 2, 2, 2, 1.0]) / 12
    for one, other in zip(objective(game, phi, x, 2), objective(game, phi, doubled, 2, weights), strict=True):
        torch.testing.assert_close(one, other)


def test_a_penalty_of_weight_zero_is_silent_but_still_known():
    game, phi = optimal_transport(2), potential(2)
    silent = optimal_transport(2, game.alpha._replace(hjb_path=0.0))
    x = game.initial.sample(8)
    assert float(objective(silent, phi, x, 2).hjb_path) == 0
    assert float(objective(game, phi, x, 2).hjb_path) > 0


def test_a_trajectory_has_the_start_and_every_step():
    game, phi = optimal_transport(2), potential(2)
    x = game.initial.sample(3)
    states = list(trajectory(game, phi, x, 4))
    assert len(states) == 5
    assert torch.equal(states[0].z, x)
    torch.testing.assert_close(states[-1], characteristics(game, phi, x, 4))


class Plain:
    """A potential hidden from the hand-written adjoint: autograd differentiates its characteristics."""

    def __init__(self, potential):
        self.potential, self.d = potential, potential.d

    def __call__(self, x, t):
        return self.potential(x, t)

    def prepare(self):
        return self.potential.prepare()


@pytest.mark.parametrize("width_rank", [(4, None), (2, None), (4, 2), (2, 2)])
@pytest.mark.parametrize("d", [3, 9])
@pytest.mark.parametrize("checkpointed", [False, True])
@pytest.mark.parametrize("game", [optimal_transport, crowd_motion])
def test_the_adjoint_of_the_characteristics_is_that_of_autograd(game, d, width_rank, checkpointed):
    """All outputs, and their derivatives by samples, initial log-density and weights, Gram and Jacobian, features."""
    game, phi = game(d), Potential(d, *width_rank, spread=0.3)
    with torch.no_grad():
        phi.quadratic.c.normal_()
    start, gradients, values = game.initial.sample(5), [], []
    direction = torch.randn(5, d), torch.randn(4, 5)
    for value_function in (phi, Plain(phi)):
        x = start.clone().requires_grad_()
        log_rho0 = game.initial.log_density(start).requires_grad_()
        end = characteristics(game, value_function, x, 3, log_rho0, (0.1, 0.8), checkpointed)
        values.append([part.detach() for part in end])
        weights = [weight for name, weight in phi.named_parameters() if name != "z0"]
        sought = (x, log_rho0, *weights)
        gradients.append(torch.autograd.grad(end, sought, direction, materialize_grads=True, allow_unused=True))
    for fused, plain in zip((*values[0], *gradients[0]), (*values[1], *gradients[1]), strict=True):
        torch.testing.assert_close(fused, plain, rtol=1e-10, atol=1e-10)


def test_without_interactions_a_step_costs_as_much_in_every_dimension():
    def flops(d, steps):
        game, phi = optimal_transport(d), Potential(d, 8, 3)
        with FlopCounterMode(display=False) as counter:
            characteristics(game, phi, game.initial.sample(4), steps).integrals.sum().backward()
        return counter.get_total_flops()

    assert flops(20, 3) - flops(20, 2) == flops(200, 3) - flops(200, 2) > 0


def test_single_precision_is_as_good_in_the_space_of_features():
    """Against double precision, beside the error of the same potential whose positions are integrated."""
    game, phi = optimal_transport(100), Potential(100, 32, 10, spread=0.1)
    x = game.initial.sample(256)
    exact = characteristics(game, phi, x, 8)
    game, phi, x = game.float(), phi.float(), x.float()

    def error(value_function):
        pairs = zip(run(value_function), exact, strict=True)
        return [float((one - other).norm() / other.norm()) for one, other in pairs]

    def run(value_function):
        with torch.no_grad():
            return characteristics(game, value_function, x, 8)

    for features, positions in zip(error(phi), error(Plain(phi)), strict=True):
        assert features < max(2 * positions, 1e-6)


def test_single_precision_in_100_dimensions():
    game, phi = crowd_motion(100).float(), Potential(100, 32, 10).float()
    terms = objective(game, phi, game.initial.sample(64), 4)
    assert all(term.dtype == torch.float32 and bool(term.isfinite()) for term in terms)


def test_bad_input_is_refused():
    game = optimal_transport(3)
    with pytest.raises(ValueError, match="at least one time step, not 0"):
        characteristics(game, potential(3), game.initial.sample(2), 0)
    with pytest.raises(ValueError, match="the game is in d = 3, the potential in 2"):
        characteristics(game, potential(2), game.initial.sample(2), 1)
