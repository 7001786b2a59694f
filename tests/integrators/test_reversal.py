"""Round trips: many steps onwards and back give the start again."""

import pytest
import torch

from families import control, dynamics, features, identifier, points
from pdebridge.catalogue import DYNAMICS, INTEGRATORS
from pdebridge.cube import load
from pdebridge.dynamics.control import PiecewiseConstant
from pdebridge.integrators.base import Integrator
from pdebridge.integrators.march import advance, retreat

PUBLISHED = [
    ("hamiltonian", "verlet", {}),
    ("hamiltonian", "verlet", {"normalisation": "none", "activation": "tanh"}),
    ("second-order", "leapfrog", {}),
    ("antisymmetric", "midpoint", {"operator": "conv2d", "half": False}),
]


@pytest.mark.parametrize(("dynamics_name", "integrator", "options"), PUBLISHED, ids=str)
def test_hundred_steps_are_undone_to_1e_13(dynamics_name: str, integrator: str, options: dict[str, object]) -> None:
    """H = 0.1, independent normal kernels of deviation 0.05, 32 channels, 100 steps, float64."""
    torch.manual_seed(0)
    F, step = load(DYNAMICS[dynamics_name])(32, scale=0.05, **options).double(), load(INTEGRATORS[integrator])()
    theta = PiecewiseConstant(F, 100).double().sample(100, step.abscissae)
    u = torch.randn(2, 32, 10, 10, dtype=torch.float64)
    with torch.no_grad():
        end = advance(step, F, theta, step.start(u), 100, 0.1)
        back = step.finish(retreat(step, F, theta, end, 100, 0.1))
    assert (step.finish(end) - u).norm() > 0.05 * u.norm()
    assert (back - u).norm() <= 1e-13 * u.norm()


@pytest.mark.parametrize(("name", "step"), points(reversible=True), ids=identifier)
def test_every_family_is_undone(name: str, step: Integrator) -> None:
    F, u = dynamics(name, 6), features(name)
    theta = control(F, 6).sample(6, step.abscissae)
    state = step.start(u)
    with torch.no_grad():
        back = retreat(step, F, theta, advance(step, F, theta, state, 6, 0.1), 6, 0.1)
    for recovered, given in zip(back, state, strict=True):
        torch.testing.assert_close(recovered, given, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("name", ["forward-euler", "rk4", "imex-euler", "ars-222", "etd-rk4"])
def test_the_others_have_no_inverse(name: str) -> None:
    step = load(INTEGRATORS[name])()
    assert not step.reversible
    with pytest.raises(NotImplementedError, match="no algebraic inverse"):
        step.inverse(None, (torch.zeros(1),), 0.1)
