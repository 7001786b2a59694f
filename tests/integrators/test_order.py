"""Observed order of convergence against closed forms, and the steps written out."""

import cmath
import math

import pytest
import torch

from families import Rotation, features, identifier
from pdebridge.catalogue import INTEGRATORS
from pdebridge.cube import load
from pdebridge.dynamics.antisymmetric import Antisymmetric
from pdebridge.dynamics.base import Instant
from pdebridge.dynamics.dense import Dense
from pdebridge.dynamics.field import Field
from pdebridge.dynamics.parabolic import SecondOrder
from pdebridge.dynamics.spline import BSpline
from pdebridge.integrators.base import Integrator
from pdebridge.integrators.euler import ForwardEuler
from pdebridge.integrators.leapfrog import Leapfrog
from pdebridge.integrators.march import advance
from pdebridge.integrators.midpoint import Midpoint
from pdebridge.integrators.momentum import Momentum
from pdebridge.integrators.runge_kutta import RK4, DormandPrince5, ExplicitMidpoint, RungeKutta

STEPS: list[Integrator] = [
    *(step() for step in map(load, INTEGRATORS.values()) if not step.adaptive),
    DormandPrince5(),
]
START = {
    "explicit": [[0.6, 0.8]],
    "partitioned": [[0.6, 0.8]],
    "augmented": [[1.0]],
    "second-order": [[1.0]],
    "second-order-pair": [[0.6, 0.8]],
    "implicit-explicit": [[[0.0]]],
}


def exact(structure: str, t: float) -> torch.Tensor:
    """The solution of `Rotation`: a turn of the plane by ``t``."""
    if structure == "implicit-explicit":
        return torch.tensor([[[math.sin(t)]]], dtype=torch.float64)
    if structure in ("augmented", "second-order"):
        return torch.tensor([[math.cos(t)]], dtype=torch.float64)
    turn = torch.tensor([[math.cos(t), math.sin(t)], [-math.sin(t), math.cos(t)]], dtype=torch.float64)
    return torch.tensor(START[structure], dtype=torch.float64) @ turn.T


def error(step: Integrator, steps: int) -> float:
    u = torch.tensor(START[step.structure], dtype=torch.float64)
    end = step.finish(advance(step, Rotation(step.structure), (), step.start(u), steps, 1.0 / steps))
    return float((end - exact(step.structure, 1.0)).norm())


@pytest.mark.parametrize("step", STEPS, ids=identifier)
def test_observed_order_is_the_declared_one(step: Integrator) -> None:
    steps = 400 if isinstance(step, Momentum) else 40  # of which ten are its memory
    observed = math.log2(error(step, steps) / error(step, 2 * steps))
    assert abs(observed - step.order) < 0.1


class Driven(Rotation):
    """`Rotation` with a weight that is a cubic in time: it turns the plane, or drives the oscillator or the decay.

    The driven solutions are those of `Rotation` and ``t^3`` more, so that the weight is ``6 t + t^3`` in
    ``y'' = -y + w`` and ``3 t^2 + t^3`` in ``u' = -u + w + ...``; an angle is the integral of ``w``.
    """

    WEIGHTS = {"second-order": (0, 6, 0, 1), "second-order-pair": (0, 6, 0, 1), "implicit-explicit": (0, 0, 3, 1)}

    def control(self) -> BSpline:
        """The weight: one interval of degree 3, its coefficients those of Bernstein's polynomials."""
        found = BSpline(self, 4, 3).double()
        a, b, c, d = self.WEIGHTS.get(self.structure, (1.0, 2.0, -3.0, 2.0))
        with torch.no_grad():
            found.w.copy_(torch.tensor([a, a + b / 3, a + (2 * b + c) / 3, a + b + c + d], dtype=torch.float64))
        return found

    def initial(self) -> dict[str, torch.Tensor]:
        return {"w": torch.zeros(())}

    def symbol(self, u: torch.Tensor, theta: object) -> torch.Tensor:
        return -u.new_ones(1, 1, 1)

    def forward(self, u: torch.Tensor, theta: tuple[torch.Tensor], at: Instant, part: int = 0) -> torch.Tensor:
        if self.structure == "implicit-explicit":
            return theta[0] + math.sin(at.t) + math.cos(at.t) + (math.sin(at.t) + at.t**3) ** 2 - u.square()
        free = super().forward(u, theta, at, part)
        return theta[0] + free if "second-order" in self.structure else theta[0] * free

    def exact(self) -> torch.Tensor:
        """The solution at ``t = 1``, where ``t^3`` is 1 and its derivative 3."""
        if self.structure in self.WEIGHTS:
            return exact(self.structure, 1.0) + torch.tensor([1.0, 3.0] if "pair" in self.structure else [1.0])
        return exact(self.structure, 1 + 2 / 2 - 3 / 3 + 2 / 4)


def driven_error(step: Integrator, steps: int) -> float:
    problem, u = Driven(step.structure), torch.tensor(START[step.structure], dtype=torch.float64)
    theta = problem.control().sample(steps, step.abscissae)
    end = step.finish(advance(step, problem, theta, step.start(u), steps, 1.0 / steps))
    return float((end - problem.exact()).norm().detach())


class Heun(RungeKutta):
    order = 2
    a = ((), (1.0,))
    b = (0.5, 0.5)
    c = (0.0, 1.0)


@pytest.mark.parametrize("step", [*STEPS, Heun()], ids=identifier)
def test_weights_that_vary_in_time_cost_no_order(step: Integrator) -> None:
    """A method whose weights are sampled at fewer times than it evaluates at would fall to order 1 here."""
    steps = 400 if isinstance(step, Momentum) else 40 if step.order < 4 else 10
    observed = math.log2(driven_error(step, steps) / driven_error(step, 2 * steps))
    assert abs(observed - step.order) < 0.1


def test_a_tableau_is_all_that_a_method_needs() -> None:
    assert (Heun.stages, Heun.abscissae) == (2, (0.0, 1.0))
    for step in STEPS:
        if isinstance(step, RungeKutta):
            assert step.abscissae == tuple(sorted(set(step.c)))
            assert step.c == pytest.approx([sum(row) for row in step.a])


SEMILINEAR = [step for step in STEPS if step.structure == "implicit-explicit"]
STIFF = -1e4


class Modes(Rotation):
    """``u' = L u + g u`` with ``L`` zero for the mean, `STIFF` for every wave, or as a test says."""

    def __init__(self, g: float = 0.0, waves: complex = STIFF) -> None:
        super().__init__("implicit-explicit")
        self.g, self.waves = g, waves

    def symbol(self, u: torch.Tensor, theta: object) -> torch.Tensor:
        return torch.tensor([0.0, self.waves, self.waves], dtype=torch.cdouble)

    def forward(self, u: torch.Tensor, theta: object, at: object, part: int = 0) -> torch.Tensor:
        return self.g * u


def after(step: Integrator, problem: Modes, steps: int, h: float) -> torch.Tensor:
    """Modes 0 and 1 of what becomes of ``1 + cos(x)``."""
    u = 1 + torch.cos(torch.arange(4, dtype=torch.float64) * (math.pi / 2)).view(1, 1, 4)
    (end,) = advance(step, problem, (), step.start(u), steps, h)
    return torch.fft.rfft(end)[0, 0, :2] / torch.tensor([4.0, 2.0])


@pytest.mark.parametrize("step", SEMILINEAR, ids=identifier)
def test_an_implicit_part_limits_no_step(step: Integrator) -> None:
    """``h |L| = 1000``; what is L-stable or exact damps in one step what Crank-Nicolson only turns around."""
    mean, wave = after(step, Modes(0.5), 10, 0.1).abs()
    assert abs(mean - math.exp(0.5)) < 0.03
    assert wave < (1.0 if step.__class__.__name__ == "CrankNicolson" else 1e-9)


@pytest.mark.parametrize("step", SEMILINEAR, ids=identifier)
def test_exponential_steps_are_exact_for_the_linear_part(step: Integrator) -> None:
    error = abs(after(step, Modes(0.0, 2 - 3j), 3, 0.5)[1] - cmath.exp(1.5 * (2 - 3j)))
    assert error < 1e-12 if "ETD" in step.__class__.__name__ else error > 1e-3


@pytest.mark.parametrize("step", SEMILINEAR, ids=identifier)
def test_growth_limits_an_implicit_step_by_its_pole(step: Integrator) -> None:
    """Below ``1 / (gamma lambda)`` a growing mode grows and keeps its sign; just below, without bound."""
    largest = step.largest_step(complex(2.0))
    assert step.largest_step(complex(-2.0)) == step.largest_step(0j) == math.inf
    for share in (0.1, 0.5, 0.9):
        growth = after(step, Modes(0.0, 2.0), 1, share * min(largest, 10.0))[1].real
        assert growth > 1
    if largest < math.inf:
        poles = [abs(after(step, Modes(0.0, 2.0), 1, largest * (1 + side))[1]) for side in (-1e-9, 1e-9)]
        assert min(poles) > 1e6


def test_leapfrog_is_the_published_three_term_recursion() -> None:
    F, u, h = SecondOrder(4).double(), features("conv second-order"), 0.3
    torch.manual_seed(0)
    theta = [w.double()[None] for w in F.initial().values()]
    before = now = u
    for k in range(8):
        before, now = now, 2 * now - before + h * h * Field(F, theta, (0.0,), k, h)(now)
    step = Leapfrog()
    y, _ = advance(step, F, tuple(w.expand(8, *w.shape) for w in theta), step.start(u), 8, h)
    torch.testing.assert_close(y, now, rtol=1e-12, atol=1e-12)


def test_midpoint_starts_with_euler_and_skips_over() -> None:
    F, u = Antisymmetric(3, half=False).double(), features("dense")[:, :3]
    theta = [w.double()[None] for w in F.initial().values()]

    def f(v: torch.Tensor) -> torch.Tensor:
        return Field(F, theta, (0.0,), 0, 0.2)(v)

    one = u + 0.2 * f(u)
    three = one + 0.4 * f(u + 0.4 * f(one))
    step = Midpoint()
    end, _ = advance(step, F, tuple(w.expand(3, *w.shape) for w in theta), step.start(u), 3, 0.2)
    torch.testing.assert_close(end, three)


@pytest.mark.parametrize(("K", "growth"), [([[2, -2], [0, 2]], 1), ([[-2, 0], [2, -2]], -1), ([[0, -1], [1, 0]], 0)])
def test_phase_plane(K: list[list[float]], growth: int) -> None:
    """Haber & Ruthotto (2017), Fig. 1: ten identical tanh layers of h = 0.1 diverge, collapse or turn."""
    u = torch.tensor([[0.1, 0.1], [-0.1, -0.1], [0.0, 0.5]], dtype=torch.float64)
    K_rows = torch.tensor(K, dtype=torch.float64).T  # features are rows there
    theta = (K_rows.expand(10, 1, 2, 2), torch.zeros(10, 1, 2, dtype=torch.float64))
    step = ForwardEuler()
    ratio = advance(step, Dense(2), theta, (u,), 10, 0.1)[0].norm(dim=1) / u.norm(dim=1)
    if growth:
        assert (growth * torch.log(ratio) > 0.3).sum() >= 2
    else:
        assert (torch.log(ratio).abs() < 0.06).all()


@pytest.mark.parametrize(
    ("step", "axis"),
    [
        *((step, -1.0) for step in (ForwardEuler(), ExplicitMidpoint(), RK4(), DormandPrince5())),
        *((step, 1j) for step in (RK4(), Midpoint())),
    ],
)
def test_stability_limits(step: Integrator, axis: complex) -> None:
    """Amplification of ``u' = lambda u`` just inside and just outside of the declared limit."""
    limit = step.real_limit if axis == -1.0 else step.imaginary_limit

    class Scalar(Rotation):
        rate = 0j

        def forward(self, u: torch.Tensor, theta: object, at: object, part: int = 0) -> torch.Tensor:
            return self.rate * u

    def growth(factor: float) -> float:
        problem = Scalar("explicit")
        problem.rate = axis * limit * factor
        return float(advance(step, problem, (), step.start(torch.ones(1, 1, dtype=torch.cdouble)), 4000, 1.0)[0].abs())

    assert growth(0.99) < 100
    assert not growth(1.01) < 1e6


@pytest.mark.parametrize(
    "step", [s for s in STEPS if s.structure.startswith(("partitioned", "second"))], ids=identifier
)
def test_energy_is_bounded_up_to_the_limit(step: Integrator) -> None:
    """The oscillator of frequency 1 with ``h`` just inside and just outside of ``h omega = 2``."""
    u = torch.tensor([[0.6, 0.8]], dtype=torch.float64)
    for h, stable in ((1.99, True), (2.02, False)):
        end = step.finish(advance(step, Rotation(step.structure), (), step.start(u), 2000, h))
        assert bool(end.abs().max() < 100) is stable
