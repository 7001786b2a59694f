"""Observed order of convergence against closed forms, and the steps written out."""

import math

import pytest
import torch

from families import Rotation, features, identifier
from pdebridge.cube import INTEGRATORS, load
from pdebridge.dynamics.antisymmetric import Antisymmetric
from pdebridge.dynamics.dense import Dense
from pdebridge.dynamics.field import Field
from pdebridge.dynamics.parabolic import SecondOrder
from pdebridge.integrators.base import Integrator
from pdebridge.integrators.euler import ForwardEuler
from pdebridge.integrators.leapfrog import Leapfrog
from pdebridge.integrators.march import advance
from pdebridge.integrators.midpoint import Midpoint
from pdebridge.integrators.runge_kutta import RK4, DormandPrince5, ExplicitMidpoint

STEPS: list[Integrator] = [
    *(load(reference)() for name, reference in INTEGRATORS.items() if name not in ("imex-euler", "dopri5")),
    DormandPrince5(),
]
START = {
    "explicit": [[0.6, 0.8]],
    "partitioned": [[0.6, 0.8]],
    "augmented": [[1.0]],
    "second-order": [[1.0]],
    "second-order-pair": [[0.6, 0.8]],
}


def exact(structure: str, t: float) -> torch.Tensor:
    """The solution of `Rotation`: a turn of the plane by ``t``."""
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
    observed = math.log2(error(step, 40) / error(step, 80))
    assert abs(observed - step.order) < 0.1


def test_imex_is_of_order_one_and_damps_fast_modes() -> None:
    """``u' = u - a u`` by modes: ``(1 + h) / (1 + h a)`` a step, exact ``exp((1 - a) t)``."""

    class Linear(Rotation):
        def forward(self, u: torch.Tensor, theta: object, at: object, part: int = 0) -> torch.Tensor:
            rates = torch.tensor([3.0, 1e6], dtype=torch.float64)
            return u / (1 + at.h * rates) if part else u  # type: ignore[attr-defined]

    step = load(INTEGRATORS["imex-euler"])()
    errors = []
    for n in (40, 80):
        u = torch.ones(1, 2, dtype=torch.float64)
        end = step.finish(advance(step, Linear("implicit-explicit"), (), step.start(u), n, 1.0 / n))
        errors.append(abs(float(end[0, 0]) - math.exp(-2.0)))
        assert abs(end[0, 1]) < 1e-30
    assert abs(math.log2(errors[0] / errors[1]) - 1) < 0.1


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
