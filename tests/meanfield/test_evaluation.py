import pytest
import torch

from pdebridge.meanfield.closed_forms import LinearQuadratic
from pdebridge.meanfield.evaluation import Refinement, average, refine, validate
from pdebridge.meanfield.games import Alpha, linear_quadratic, optimal_transport
from pdebridge.meanfield.objective import Terms, objective
from pdebridge.meanfield.potential import Potential
from pdebridge.meanfield.sampling import Samples
from pdebridge.meshes.transport import EIGHT_GAUSSIANS
from pdebridge.optimisation.quasi_newton import LBFGS


def test_chunks_do_not_change_the_average():
    game, phi = optimal_transport(2), Potential(2, 8, spread=0.3)
    x = game.initial.sample(50)
    for whole, chunked in zip(objective(game, phi, x, 2), average(game, phi, x, 2, chunk=7), strict=True):
        torch.testing.assert_close(whole.detach(), chunked)


def test_the_exact_solution_is_believed():
    game = linear_quadratic(2)
    solution = LinearQuadratic(2, 1.5, 0.8, -1.0, 0.5, k=2.0, center=0.4, entropy=0.3, alpha1=1.0, weight=5.0)
    report = refine(game, solution, steps=4, points=2048)
    assert report.exploited == ""
    assert float(report.fine.cost) == pytest.approx(solution.costs().value, rel=2e-3)


def test_an_integrator_that_is_driven_into_error_is_reported():
    """Without the HJB penalties, training on two time steps ends at a negative divergence."""
    game = optimal_transport(2, Alpha(2.0, 1.0, 5.0, 0.0, 0.0))
    phi = Potential(2, 16, spread=0.1)
    optimizer = LBFGS(phi.parameters())
    for draw in Samples(game.initial, [(256, 150)]):

        def closure(x=draw.x):
            optimizer.zero_grad()
            total = objective(game, phi, x, 2).total
            total.backward()
            return total

        if draw.fresh:
            optimizer.resampled()
        optimizer.step(closure)
    report = refine(game, phi, steps=2, points=2048)
    assert "negative" in report.exploited or "moves by" in report.exploited
    assert float(report.fine.cost) > 1.02 * EIGHT_GAUSSIANS


def test_the_reasons():
    def terms(cost, terminal):
        zero = torch.zeros(())
        return Terms(torch.tensor(cost - terminal), zero, torch.tensor(terminal), zero, zero)

    assert Refinement(terms(1.0, 0.1), terms(1.005, 0.1), 0.01).exploited == ""
    assert "moves by 9.1%" in Refinement(terms(1.0, 0.1), terms(1.1, 0.1), 0.01).exploited
    assert "negative" in Refinement(terms(1.0, -0.1), terms(1.0, 0.1), 0.01).exploited


def test_validation_is_repeatable():
    game, phi = optimal_transport(2), Potential(2, 8)
    assert torch.equal(*(validate(game, phi, 2, points=64).total for _ in range(2)))
