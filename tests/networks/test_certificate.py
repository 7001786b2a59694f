import pytest
import torch

from families import control, dynamics, features
from pdebridge.catalogue import DYNAMICS, INTEGRATORS
from pdebridge.cube import load
from pdebridge.dynamics.antisymmetric import Antisymmetric
from pdebridge.dynamics.control import PiecewiseConstant
from pdebridge.dynamics.operator import OPERATORS, operator_named
from pdebridge.gradients.stored import stored
from pdebridge.integrators.euler import ForwardEuler
from pdebridge.integrators.march import advance
from pdebridge.integrators.midpoint import Midpoint
from pdebridge.integrators.runge_kutta import RK4
from pdebridge.networks.certificate import certify
from pdebridge.networks.flow import Flow

PIXELS = {"dense": (), "conv1d": (7,), "conv2d": (5, 6), "conv3d": (3, 4, 2)}


@pytest.mark.parametrize("name", OPERATORS)
def test_power_iteration_is_the_largest_singular_value(name: str) -> None:
    torch.manual_seed(0)
    op = operator_named(name, 3)
    K = torch.randn(op.shape, dtype=torch.float64)
    unit = torch.eye(3 * torch.Size(PIXELS[name]).numel(), dtype=torch.float64)
    matrix = op(K, unit.view(-1, 3, *PIXELS[name])).flatten(1)
    exact = float(torch.linalg.matrix_norm(matrix, 2))
    assert 0.99 * exact < op.norm(K, PIXELS[name]) <= exact * (1 + 1e-12)
    assert op.norm(torch.zeros_like(K), PIXELS[name]) == 0.0


LINEAR = [
    ("parabolic", "forward-euler", {"operator": "dense"}),
    ("parabolic", "rk4", {"operator": "dense"}),
    ("second-order", "leapfrog", {"operator": "dense"}),
    ("hamiltonian", "verlet", {"operator": "dense"}),
    ("hamiltonian-pair", "verlet", {}),
    ("hamiltonian-pair", "augmented-verlet", {"augment": True}),
    ("antisymmetric", "midpoint", {}),
    ("antisymmetric", "rk4", {}),
]


def linear_flow(key: str, step: str, options: dict[str, object], h: float) -> Flow:
    """A flow of one linear layer: the bound on its eigenvalues is reached."""
    torch.manual_seed(0)
    layer = {"activation": "identity"} | ({"normalisation": "none"} if "operator" in options else {})
    F = load(DYNAMICS[key])(4, **layer, **options).double()
    if key == "hamiltonian":  # equal halves, for which sqrt(rate_1 rate_2) is not only a bound
        draw = F.initial()
        F.initial = lambda: draw | {"K2": draw["K1"]}
    return Flow(F, PiecewiseConstant(F, 1).double(), load(INTEGRATORS[step])(), stored, 1, h)


@pytest.mark.parametrize(("key", "step", "options"), LINEAR)
def test_the_bound_is_sharp_for_linear_layers(key: str, step: str, options: dict[str, object]) -> None:
    """Just inside the certified step thousands of steps stay bounded, just outside they do not."""
    (certificate,) = certify(linear_flow(key, step, options, 0.1))

    def growth(h: float) -> float:
        flow = linear_flow(key, step, options, h)
        theta = tuple(w.detach().expand(3000, *w.shape[1:]) for w in flow.control.sample(1, flow.integrator.abscissae))
        u = features("dense")
        end = advance(flow.integrator, flow.dynamics, theta, flow.integrator.start(u), 3000, h)
        return float(flow.integrator.finish(end).norm() / u.norm())

    assert growth(0.98 * certificate.largest) < 1e3
    assert not growth(1.03 * certificate.largest) < 1e6


@pytest.mark.parametrize("name", ["conv parabolic", "conv second-order", "conv hamiltonian", "parabolic, tv"])
def test_the_bound_holds_with_tv_norm(name: str) -> None:
    """``||dF/du||`` at random states, near zero too, is below the bound."""
    F = dynamics(name, 1)
    theta = tuple(w[0].detach() for w in control(F, 1).parameters())
    layer, weights = (F.parts[0], theta[: F.split]) if name == "conv hamiltonian" else (F, theta)
    u = features(name, layer.width)[:1]
    bound = layer.rate(weights, tuple(u.shape[2:]))
    for scale in (1e-3, 1.0):
        J = torch.func.jacrev(lambda v: layer(v.view(u.shape), weights, None).flatten())(scale * u.flatten())
        assert 0 < torch.linalg.matrix_norm(J, 2) <= bound * 1.01


def test_gamma_buys_forward_euler_a_step() -> None:
    F = Antisymmetric(4, gamma=0.3, activation="identity").double()
    eigenvalue = F.spectrum(tuple(w[0].detach() for w in control(F, 1).parameters()))
    h = ForwardEuler().largest_step(eigenvalue)
    assert h > 0 and abs(1 + h * eigenvalue) == pytest.approx(1)
    assert ForwardEuler().largest_step(complex(0, eigenvalue.imag)) == 0
    assert RK4().largest_step(eigenvalue) > 0 and Midpoint().largest_step(eigenvalue) == 0
    assert ForwardEuler().largest_step(0j) == RK4().largest_step(0j) == float("inf")


def test_margin_says_by_how_much() -> None:
    certificates = certify(linear_flow("parabolic", "forward-euler", {"operator": "dense"}, 1e-3))
    assert certificates[0].certified and certificates[0].margin == pytest.approx(certificates[0].largest / 1e-3)
    assert not certificates[0]._replace(h=2 * certificates[0].largest).certified


@pytest.mark.parametrize("name", ["conv residual", "conv imex", "dense", "conv parabolic, batch"])
def test_families_without_a_bound_are_refused(name: str) -> None:
    F = dynamics(name, 1)
    step = next(s for s in map(load, INTEGRATORS.values()) if s.structure == F.structure)
    with pytest.raises(ValueError, match="nothing bounds the spectrum"):
        certify(Flow(F, control(F, 1), step(), stored, 1, 1.0), (6, 5))
