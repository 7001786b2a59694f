import contextlib
import itertools
import math
import os
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from attack import SIZES, growth, spectral_radius
from families import DENSE, FAMILIES, control, dynamics, features, integrators
from pdebridge.catalogue import DYNAMICS, INTEGRATORS
from pdebridge.cube import load
from pdebridge.dynamics.antisymmetric import Antisymmetric
from pdebridge.dynamics.base import Increments, Instant
from pdebridge.dynamics.control import PiecewiseConstant
from pdebridge.dynamics.normalisation import Shift
from pdebridge.dynamics.operator import OPERATORS, Convolution, operator_named
from pdebridge.dynamics.parabolic import Parabolic
from pdebridge.dynamics.spline import PiecewiseLinear
from pdebridge.gradients.stored import stored
from pdebridge.integrators.dormand_prince import DormandPrince
from pdebridge.integrators.euler import ForwardEuler
from pdebridge.integrators.march import advance
from pdebridge.integrators.midpoint import Midpoint
from pdebridge.integrators.momentum import Momentum
from pdebridge.integrators.paired import PairedEuler, PairedRK4
from pdebridge.integrators.runge_kutta import RK4, DormandPrince5, ExplicitMidpoint
from pdebridge.networks.certificate import contractive, spectral
from pdebridge.networks.flow import Flow

PIXELS = {"dense": (), "conv1d": (7,), "conv2d": (5, 6), "conv3d": (3, 4, 2)}
PIXELS |= {f"spaced-{name}": PIXELS[name] for name in ("conv2d", "conv3d")}


def matrix(op, K, pixels):
    unit = torch.eye(op.width * math.prod(pixels), dtype=torch.float64)
    return op(K, unit.view(-1, op.width, *pixels)).flatten(1)


# norms of operators


@pytest.mark.parametrize("name", OPERATORS)
def test_the_norm_of_a_small_operator_is_the_largest_singular_value(name: str) -> None:
    torch.manual_seed(0)
    op = operator_named(name, 3)
    K = torch.randn(op.shape, dtype=torch.float64)
    exact = float(torch.linalg.matrix_norm(matrix(op, K, PIXELS[name]), 2))
    assert exact < op.norm(K, PIXELS[name]) <= exact * (1 + 1e-9)
    assert op.norm(torch.zeros_like(K), PIXELS[name]) == 0.0


@pytest.mark.parametrize(("dimension", "kernel"), [(1, 3), (1, 5), (2, 3), (2, 7), (3, 3)])
@pytest.mark.parametrize("seed", range(3))
def test_the_symbol_bounds_the_norm_on_every_grid(dimension: int, kernel: int, seed: int) -> None:
    torch.manual_seed(seed)
    op = Convolution(2, dimension, kernel)
    K = torch.randn(op.shape, dtype=torch.float64)
    bound = op.norm(K)
    for n in (1, 2, 3, 5, 6) if dimension == 3 else (1, 2, 5, 8, 11):
        assert torch.linalg.matrix_norm(matrix(op, K, (n,) * dimension), 2) <= bound
    fine = torch.fft.fftn(K, s=({1: 1000, 2: 90, 3: 24}[dimension],) * dimension, dim=tuple(range(2, K.ndim)))
    on_torus = float(torch.linalg.matrix_norm(fine.movedim((0, 1), (-2, -1)), 2).max())
    assert on_torus <= bound <= on_torus * (1.06 if kernel == 3 else 1.17)


# regions of stability


@pytest.mark.parametrize(
    ("step", "real", "imaginary", "half_disc"),
    [
        (ForwardEuler, 2.0, 0.0, 0.0),
        (ExplicitMidpoint, 2.0, 0.0, 0.0),
        (RK4, 2.785293563405282, math.sqrt(8), 2.6155876),
        (DormandPrince5, 3.306567892634946, 0.9971890086324628, 0.9971890),
    ],
)
def test_the_largest_left_half_disc_is_smaller_than_both_limits(step, real, imaginary, half_disc) -> None:
    """Each half disc by the exact polynomials on its rays, and by values of R on a grid."""
    R = step()
    assert R.largest_step(-1.0 + 0j) == pytest.approx(real) == pytest.approx(R.real_limit)
    assert R.largest_step(1j) == pytest.approx(imaginary, abs=1e-12) == pytest.approx(R.imaginary_limit)
    rays = [R.largest_step(complex(*x)) for x in half_circle(361)]
    assert min(rays) == pytest.approx(half_disc, abs=2e-6)
    radii = np.linspace(1e-3, 4, 2000)
    z = np.outer([complex(*x) for x in half_circle(361)], radii)
    stable = (np.abs(R.polynomial(z)) <= 1 + 1e-12).all(0)
    assert radii[np.logical_and.accumulate(stable)].max(initial=0.0) == pytest.approx(half_disc, abs=3e-3)


def half_circle(points):
    angles = np.linspace(np.pi / 2, np.pi, points)
    return [(0.0 if i == 0 else math.cos(a), math.sin(a) if i < points - 1 else 0.0) for i, a in enumerate(angles)]


@pytest.mark.parametrize("step", [ForwardEuler, ExplicitMidpoint, RK4, DormandPrince5])
def test_the_certified_triangle_is_stable_all_over_and_no_larger_one_is(step) -> None:
    R = step()
    t, s = np.meshgrid(np.linspace(0, 1, 200), np.linspace(0, 1, 200))
    for vertex in (-1 + 0.2j, -0.5 + 1j, -0.05 + 1j, -3 + 2j):
        h = R.largest_step(vertex)
        for factor, stable in ((0.999, True), (1.002, False)):
            z = factor * h * s * (vertex.real + 1j * t * vertex.imag)
            assert (np.abs(R.polynomial(z)).max() <= 1 + 1e-9) is np.bool_(stable)


def test_circles_of_contractivity() -> None:
    """A step is non-expansive for cocoercive F up to h l = 2 with Euler and RK4, with the others for no step."""
    assert ForwardEuler().circle == pytest.approx(1) == pytest.approx(RK4().circle)
    assert ExplicitMidpoint().circle == DormandPrince5().circle == math.inf
    bounds = lambda c, part: Increments(2.0, 0.0, True)  # noqa: E731
    for step in (ForwardEuler(), RK4()):
        assert step.comparison(bounds, 0, 1.0) == [[pytest.approx(1)]]
        assert step.comparison(bounds, 0, 1.001)[0][0] > 1
    assert ForwardEuler().comparison(bounds, 0, 1.5) == [[pytest.approx(2)]]  # |1 - h l|


def test_momentum_and_reversible_forms_by_their_roots() -> None:
    """``mu^2 - T mu + d``: limits in closed form; just inside both roots are in the unit disc, just outside not."""
    momentum, paired = Momentum(0.9), PairedEuler(0.99)
    assert momentum.largest_step(-1 + 0j) == pytest.approx(2 * 1.9 / 0.1) and momentum.largest_step(1j) == 0
    assert paired.largest_step(-1 + 0j) == pytest.approx(0.01)
    assert paired.largest_step(1j) == pytest.approx(math.sqrt(1 - 0.99**2))
    assert PairedRK4(1.0).largest_step(1j) == 0 and PairedEuler(1.0).largest_step(0j) == math.inf
    for step, vertex in ((momentum, -1 + 0.3j), (paired, -0.002 + 0.5j), (PairedRK4(0.99), -1e-3 + 1j)):
        h = step.largest_step(vertex)
        t, s = np.meshgrid(np.linspace(0, 1, 60), np.linspace(0, 1, 60))
        for factor, stable in ((0.999, True), (1.01, False)):
            z = factor * h * s * (vertex.real + 1j * t * vertex.imag)
            assert (max(radius(step, x) for x in z.flat) <= 1 + 1e-9) is stable


def radius(step, z: complex) -> float:
    columns = []
    for state in ((1.0 + 0j, 0j), (0j, 1.0 + 0j)):
        state = tuple(torch.tensor([x], dtype=torch.complex128) for x in state)
        columns.append(torch.stack(step.step(Scalar(z), state, 1.0)))
    return float(np.abs(np.linalg.eigvals(torch.cat(columns, 1).numpy())).max())


class Scalar:
    def __init__(self, z: complex) -> None:
        self.z, self.k = z, 1

    def __call__(self, u, c=0.0, part=0):
        return self.z * u


# the published families, linear: the spectral bound is reached

LINEAR = [
    ("parabolic", "forward-euler", {"operator": "dense"}),
    ("parabolic", "rk4", {"operator": "dense"}),
    ("second-order", "leapfrog", {"operator": "dense"}),
    ("hamiltonian", "verlet", {"operator": "dense"}),
    ("hamiltonian-pair", "verlet", {}),
    ("hamiltonian-pair", "augmented-verlet", {"augment": True}),
    ("antisymmetric", "midpoint", {}),
    ("antisymmetric", "rk4", {}),
    ("antisymmetric", "rk4", {"gamma": 0.7}),
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
def test_the_spectral_bound_is_sharp_for_linear_layers(key: str, step: str, options: dict[str, object]) -> None:
    """Just inside the certified step thousands of steps stay bounded, just outside they do not."""
    largest = 0.1 * spectral(linear_flow(key, step, options, 0.1)).number

    def grown(h: float) -> float:
        flow = linear_flow(key, step, options, h)
        theta = tuple(w.detach().expand(3000, *w.shape[1:]) for w in flow.control.sample(1, flow.integrator.abscissae))
        u = features("dense")
        end = advance(flow.integrator, flow.dynamics, theta, flow.integrator.start(u), 3000, h)
        return float(flow.integrator.finish(end).norm() / u.norm())

    assert grown(0.98 * largest) < 1e3
    assert not grown(1.03 * largest) < 1e6


# what was certified and grows


def flow_of(F, step, weights, steps=1, time=1.0, kind=PiecewiseConstant) -> Flow:
    flow = Flow(F.double(), kind(F, len(weights)).double(), step, stored, steps, time)
    with torch.no_grad():
        flow.control.K.copy_(torch.as_tensor(weights, dtype=torch.float64))
    return flow


def test_a_damped_rotation_outside_the_half_disc_is_refused() -> None:
    flow = flow_of(Antisymmetric(2, gamma=3.0736), RK4(), [[[0, 2.3196], [-2.3196, 0]]])
    assert spectral_radius(flow, torch.zeros(1, 2, dtype=torch.float64)) == pytest.approx(1.234, abs=1e-3)
    found = spectral(flow)
    assert not found.holds and found.number == pytest.approx(0.940, abs=1e-3)


@pytest.mark.parametrize("scales", [[1.0, -1.0, 1.0], [1.0, 1.0, 1.0]])
def test_tv_norm_has_no_spectral_certificate_unless_it_is_a_gradient(scales) -> None:
    """The Jacobian of a product of three positive factors has eigenvalues with a positive real part."""
    F = Parabolic(3, operator="dense", normalisation="tv")
    flow = flow_of(F, ForwardEuler(), torch.eye(3)[None].double(), time=1e-2)
    with torch.no_grad():
        flow.control.s.copy_(torch.tensor([scales]))
    with pytest.raises(ValueError, match="nothing bounds the spectrum"):
        spectral(flow)
    F.activation = load("pdebridge.dynamics.activation:activation_named")("identity")
    if min(scales) > 0:  # total variation flow
        assert spectral(flow).holds and contractive(flow).holds
    else:
        assert not contractive(flow).holds
        with pytest.raises(ValueError, match="nothing bounds the spectrum"):
            spectral(flow)


def test_one_product_of_three_positive_factors_grows() -> None:
    """``-K^T D S P K`` with ``||K|| = 1.5``, scale 1 and bias 0, frozen where a search has found its worst state."""
    F = Parabolic(3, operator="dense", normalisation="tv").double()
    K = torch.tensor([[-0.014, 0.296, 0.287], [0.027, 0.81, -1.135], [-0.058, -0.354, 0.421]]).double()
    theta = (K, torch.ones(3).double(), torch.zeros(3).double())
    u = torch.tensor([-0.9114, -0.0204, 0.0009], dtype=torch.float64)
    J = torch.func.jacrev(lambda v: F(v[None], theta, None)[0])(u)
    assert 2.07 < float(torch.linalg.eigvals(J).real.max()) <= F.increments(theta).one_sided


def test_weights_are_seen_at_every_abscissa() -> None:
    F = Parabolic(2, operator="dense", normalisation="none", activation="identity")
    weights = np.stack([np.zeros((2, 2)), 30 * np.eye(2)])
    long = flow_of(F, RK4(), weights, kind=PiecewiseLinear)
    assert spectral(long).number == pytest.approx(2.785293563 / 900) and not spectral(long).holds
    short = flow_of(F, RK4(), weights, time=2 / 900, kind=PiecewiseLinear)
    assert spectral(short).holds and contractive(short).number == pytest.approx(1)
    assert growth(short, torch.ones(2, 2).double(), 20, weights=False).max() <= 1 + 1e-9


def test_frozen_stability_says_nothing_of_a_slope_that_varies() -> None:
    """Antisymmetric, gamma = 0, constant weights: stable in every step, and yet a perturbation of 0 grows by 10^6."""
    A = torch.tensor([[0, -1.5, 1.7, -0.9], [1.5, 0, 1.0, -1.1], [-1.7, -1.0, 0, -1.8], [0.9, 1.1, 1.8, 0]]).double()
    b = torch.tensor([-0.8, 1.8, 0.6, -1.8]).double()
    F = Antisymmetric(4).double()
    flow = Flow(F, PiecewiseConstant(F, 720, repeat=True).double(), RK4(), stored, 720, 72.0)
    with torch.no_grad():
        flow.control.K.copy_(A)
        flow.control.b.copy_(b)
    J = torch.autograd.functional.jacobian(lambda u: flow(u)[0], torch.zeros(1, 4).double())[:, 0]
    grown = float(torch.linalg.matrix_norm(J, 2))

    def variational(_: float, y: np.ndarray) -> np.ndarray:
        f = np.tanh(A.numpy() @ y[:4] + b.numpy())
        return np.concatenate([f, ((1 - f**2)[:, None] * (A.numpy() @ y[4:].reshape(4, 4))).ravel()])

    start = np.concatenate([np.zeros(4), np.eye(4).ravel()])
    exact = solve_ivp(variational, (0, 72), start, "DOP853", rtol=1e-10, atol=1e-12).y[4:, -1].reshape(4, 4)
    assert grown > 8e5 and grown == pytest.approx(np.linalg.norm(exact, 2), rel=0.2)
    assert spectral(flow).holds and "nothing is said of products" in str(spectral(flow))
    found = contractive(flow)
    assert not found.holds and grown < found.number


# refusals and words


@pytest.mark.parametrize("name", ["conv residual", "conv imex", "dense", "conv parabolic, batch", "conv parabolic"])
def test_families_without_a_bound_of_the_spectrum_are_refused(name: str) -> None:
    F = dynamics(name, 1)
    step = integrators(F)[0]
    with pytest.raises(ValueError, match="nothing bounds the spectrum"):
        spectral(Flow(F, control(F, 1), step, stored, 1, 1.0), (6, 5))


@pytest.mark.parametrize("name", ["conv parabolic, batch", "conv post-activation", "conv time"])
def test_families_without_a_bound_of_differences_are_refused(name: str) -> None:
    F = dynamics(name, 1)
    with pytest.raises(ValueError, match="nothing bounds the differences"):
        contractive(Flow(F, control(F, 1), ForwardEuler(), stored, 1, 1.0), (6, 5))


class Doubled(RK4):
    def step(self, F, state, h):
        (after,) = super().step(F, state, h)
        return (2 * after,)


class Steep(Shift):
    def forward(self, a, affine, at):
        return 3 * a + affine[0]


class Growing(Parabolic):
    def forward(self, u, theta, at, part=0):
        return super().forward(u, theta, at) + u


def test_a_class_that_changes_a_formula_has_no_certificate_of_its_parent() -> None:
    flow = linear_flow("parabolic", "rk4", {"operator": "dense"}, 0.1)
    assert spectral(flow).holds
    flow.integrator = Doubled()
    assert not spectral(flow).holds
    with pytest.raises(ValueError, match="nothing bounds the growth of a step of Doubled"):
        contractive(flow)
    options = {"operator": "dense", "normalisation": "none"}
    steep, growing = Parabolic(2, **options), Growing(2, **options)
    steep.norm = Steep(2)
    for F in (steep, growing):
        for certificate in (contractive, spectral):
            with pytest.raises(ValueError, match="nothing bounds"):
                certificate(flow_of(F, RK4(), np.eye(2)[None]))


def test_complex_weights_have_no_certificate() -> None:
    flow = linear_flow("parabolic", "rk4", {"operator": "dense"}, 0.1).to(torch.complex128)
    for certificate in (contractive, spectral):
        with pytest.raises(ValueError, match="complex weights"):
            certificate(flow)


def test_an_adaptive_method_has_no_certificate() -> None:
    F = dynamics("parabolic", 1)
    flow = Flow(F, control(F, 1), DormandPrince(), stored, 1, 1.0)
    with pytest.raises(ValueError, match="nothing bounds the growth of a step of DormandPrince"):
        contractive(flow)
    with pytest.raises(ValueError, match="chooses its steps by a tolerance"):
        spectral(flow)


def test_gamma_buys_forward_euler_a_step() -> None:
    F = Antisymmetric(4, gamma=0.3, activation="identity").double()
    eigenvalue = F.spectrum(tuple(w[0].detach() for w in control(F, 1).parameters()))
    h = ForwardEuler().largest_step(eigenvalue)
    assert h > 0 and abs(1 + h * eigenvalue) == pytest.approx(1)
    assert ForwardEuler().largest_step(complex(0, eigenvalue.imag)) == 0
    assert RK4().largest_step(eigenvalue) > 0 and Midpoint().largest_step(eigenvalue) == 0
    assert ForwardEuler().largest_step(0j) == RK4().largest_step(0j) == math.inf


def test_a_certificate_says_what_it_proves() -> None:
    flow = linear_flow("parabolic", "forward-euler", {"operator": "dense"}, 1e-3)
    assert "contractive certificate holds: bound of the growth (non-expansive if at most 1) 1, 1 steps" in str(
        contractive(flow)
    )
    assert "spectral certificate holds" in str(spectral(flow))


# the attack


ATTACKED = int(os.environ.get("PDEBRIDGE_ATTACKED", "24"))  # networks of each family


def attacked(name: str) -> Iterator[tuple[str, str, float, int]]:
    """Yield networks of a family by their integrator, step size and seed, without end."""
    points = [(type(step).__name__, h) for step in integrators(dynamics(name, 2)) for h in (0.02, 0.3, 1.5)]
    for seed in itertools.count():
        for i, point in enumerate(points):
            yield name, *point, 100 * seed + i


def instance(name: str, integrator: str, h: float, seed: int = 0, steps: int = 2) -> tuple[Flow, torch.Tensor]:
    F = dynamics(name, steps)
    step = next(s for s in integrators(F) if type(s).__name__ == integrator)
    u = features(name, seed=seed)[:2]
    return Flow(F, control(F, steps, seed), step, stored, steps, steps * h), u if name in DENSE else u[..., :3, :3]


def certified(name: str) -> list[tuple[str, str, float, int]]:
    """Return the first networks of a family that have a bound, none if its integrators all have none."""
    found = []
    for i, (*point, seed) in enumerate(attacked(name)):
        flow, u = instance(*point, seed=seed)
        with contextlib.suppress(ValueError):
            contractive(flow, tuple(u.shape[2:]))
            found.append((*point, seed))
        if len(found) == ATTACKED or (i == ATTACKED and not found):
            return found
    raise AssertionError("unreachable")


def test_no_attack_grows_beyond_a_contractive_certificate() -> None:
    """Ascent over states, weights and perturbations, on every family and integrator; some bounds are reached."""
    tried, reached = 0, 0.0
    for *point, seed in itertools.chain.from_iterable(certified(name) for name in FAMILIES):
        flow, u = instance(*point, seed=seed)
        found = growth(flow, u, 6)
        bound = contractive(flow, tuple(u.shape[2:])).number  # of the weights that the attack has found
        assert found.max() <= bound * (1 + 1e-7), (point, seed)
        tried, reached = tried + 1, max(reached, float(found.max()) / bound)
    assert tried >= 24 * ATTACKED and reached > 0.98


def test_no_state_leaves_a_spectral_certificate() -> None:
    """Every frozen step just inside its certificate has no eigenvalue beyond the unit circle."""
    tried = 0
    for name in FAMILIES:
        for seed in range(3):
            for step in integrators(dynamics(name, 1)):
                flow, u = instance(name, type(step).__name__, 1.0, seed, 1)
                try:
                    flow.h *= 0.999 * spectral(flow, tuple(u.shape[2:])).number
                except ValueError:
                    continue
                if flow.h:
                    tried += 1
                    assert spectral_radius(flow, u) <= 1 + 1e-7, (name, type(step).__name__)
    assert tried >= 30


def test_the_attack_finds_what_is_there() -> None:
    flow = linear_flow("parabolic", "forward-euler", {"operator": "dense"}, 1.0)
    flow.h = 3 / flow.dynamics.increments([w[0] for w in flow.control.parameters()]).lipschitz
    found = growth(flow, torch.ones(2, 4).double(), 60, weights=False)
    assert contractive(flow).number == pytest.approx(2)
    assert 1.98 < found.max() <= 2 + 1e-9


@pytest.mark.parametrize("name", FAMILIES)
def test_bounds_of_differences_hold(name: str) -> None:
    """At states of all sizes, near and far, in every part."""
    F = dynamics(name, 1)
    theta = tuple(w[0].detach() for w in control(F, 1).parameters())
    d = features(name, F.width if hasattr(F, "width") else 2, seed=5)
    d = d if name in DENSE else d[..., :3, :3]
    for part in (0, 1) if F.structure in ("partitioned", "augmented") else (0,):
        bounds = F.increments(theta, tuple(d.shape[2:]), part)
        for size, move in [] if bounds is None else [(a, b) for a in SIZES for b in SIZES]:
            u, step = size * d.flip(0), move * d
            with torch.no_grad():
                f = F(u, theta, Instant(0, 0.0, 1.0), part)
                g = F(u + step, theta, Instant(0, 0.0, 1.0), part) - f
            along, squared = (g * step).sum(), step.square().sum()
            slack = 1e-7 * bounds.lipschitz * squared + 1e-13 * step.norm() * f.norm()
            assert g.norm() * step.norm() <= bounds.lipschitz * squared + slack
            assert along <= bounds.one_sided * squared + slack
            if bounds.cocoercive:
                assert along <= -g.square().sum() / bounds.lipschitz + slack
