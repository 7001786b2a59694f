"""Where the reverse-time gradient of a neural ODE goes wrong: five experiments, no data and no training.

After Gholami, Keutzer & Biros (ANODE, IJCAI 2019, section 3) and Onken & Ruthotto (arXiv:2005.13420, 2020).
"""

import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from torch import Tensor

from pdebridge.dynamics.base import Instant, Theta, Transpose
from pdebridge.dynamics.control import Constant
from pdebridge.dynamics.perceptron import Perceptron
from pdebridge.gradients.frozen_steps import FrozenSteps
from pdebridge.gradients.mode import Mode
from pdebridge.gradients.reverse_time import ReverseTime
from pdebridge.gradients.taped import Taped
from pdebridge.integrators.base import Integrator
from pdebridge.integrators.dormand_prince import DormandPrince
from pdebridge.integrators.euler import ForwardEuler
from pdebridge.integrators.runge_kutta import RK4, ExplicitMidpoint
from pdebridge.networks.flow import Flow
from pdebridge.studies.result import Measurement, StudyResult

Vector = NDArray[np.float64]
Values = Iterator[tuple[str, str, float]]

WIDTH, HIDDEN, BATCH = 16, 64, 32
SCALE = 2.8  # times torch's initial weights: the norm of the field's Jacobian is then about 2
SEED = 2
DRAWS = 5  # of the random fields of E3
ACTIVATIONS: dict[str, Callable[[Vector], Vector]] = {
    "relu": lambda x: np.maximum(x, 0.0),
    "leaky relu": lambda x: np.where(x > 0, x, 0.1 * x),
    "softplus": lambda x: np.logaddexp(0.0, x),
    "tanh": np.tanh,
}
FIXED = {"forward-euler": (ForwardEuler, (2, 10, 50)), "rk2": (ExplicitMidpoint, (2, 10)), "rk4": (RK4, (2, 10))}


def gradients() -> StudyResult:
    """Return errors of the state found again, and of the reverse-time gradient, by experiment.

    Forward from 0 to 1 and back, with SciPy's RK45 in float64 (``atol = rtol / 1000``); ``state/error`` is
    ``|z(0) found again - z(0)| / |z(0)|``:

    - E1: ``z' = -lambda z``, ``z(0) = 1``; the reverse flow grows like ``exp(lambda t)``.
    - E2: ``z' = -max(0, 10 z)``, ``z(0) = 1``.
    - E3: ``z' = sigma(W z)`` with ``W`` an ``n x n`` matrix of standard normal entries, median of five draws.

    The reverse-time gradient of ``|u(1)|^2`` in the weights against the exact one of the same discrete solution;
    ``gradient/error`` is relative, ``gradient/cosine`` that of the angle between them:

    - E4: ``u' = F(u)``, a 16-64-16 tanh perceptron: the two differ by the order of the step.
    - E5: ``u' = F(u) - d (0, u_2)``, half of the features damped at the rate ``d``: the state is lost on the way back
      while the gradient of the other half lives on.
    """
    values = [*scalar_decay(), *scalar_relu(), *random_fields(), *undamped(), *half_damped()]
    table = [Measurement("gradients", cell, quantity, [value], []) for cell, quantity, value in values]
    return StudyResult(table, {f"{cell}/{quantity}": np.array(value) for cell, quantity, value in values})


class Recovery(NamedTuple):
    """Relative error of the state found again, and the steps of the two solves."""

    error: float
    forward: int
    backward: int


def recovery(f: Callable[[float, Vector], Vector], z: Vector, rtol: float) -> Recovery:
    """Integrate ``z' = f`` from 0 to 1 and back."""
    forth = solve_ivp(f, (0.0, 1.0), z, rtol=rtol, atol=1e-3 * rtol)
    back = solve_ivp(f, (1.0, 0.0), forth.y[:, -1], rtol=rtol, atol=1e-3 * rtol)
    error = float(np.linalg.norm(back.y[:, -1] - z) / np.linalg.norm(z))
    return Recovery(error, len(forth.t) - 1, len(back.t) - 1)


def recovered(cell: str, found: Recovery) -> Values:
    """Return the three figures of a recovery as rows."""
    yield cell, "state/error", found.error
    yield cell, "steps/forward", found.forward
    yield cell, "steps/backward", found.backward


def scalar_decay() -> Values:
    """E1."""
    for rtol in (1e-6, 1e-10):
        for rate in (10, 20, 50, 100):
            found = recovery(lambda t, z, rate=rate: -rate * z, np.ones(1), rtol)  # type: ignore[misc]
            yield from recovered(f"E1/lambda={rate}/rtol={rtol:g}", found)


def scalar_relu() -> Values:
    """E2."""
    for rtol in (1e-3, 1e-6, 1e-9):
        yield from recovered(f"E2/rtol={rtol:g}", recovery(lambda t, z: -np.maximum(0.0, 10 * z), np.ones(1), rtol))


def random_fields() -> Values:
    """E3."""
    for n in (100, 200):
        for name, sigma in ACTIVATIONS.items():
            errors = []
            for seed in range(DRAWS):
                random = np.random.default_rng(seed)
                W, z = random.standard_normal((n, n)), random.standard_normal(n)
                errors.append(recovery(lambda t, z, W=W, s=sigma: s(W @ z), z, 1e-6).error)  # type: ignore[misc]
            yield f"E3/{name}/n={n}", "state/error", float(np.median(errors))


class HalfDamped(Perceptron):
    """``u' = F(u) - d (0, u_2)`` with an autonomous perceptron ``F`` of one hidden layer.

    Args:
        rate: ``d``.
    """

    damping: Tensor

    def __init__(self, rate: float) -> None:
        super().__init__(WIDTH, HIDDEN, layers=1, time=False)
        damping = torch.cat([torch.zeros(WIDTH // 2), torch.full((WIDTH // 2,), rate)])
        self.register_buffer("damping", damping.double())

    def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
        """Return the right-hand side."""
        return super().forward(u, theta, at) - self.damping * u

    def linearise(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> tuple[Tensor, Transpose]:
        """Return the right-hand side and its adjoint."""
        f, transpose = super().linearise(u, theta, at)
        return f - self.damping * u, lambda g, sums, scale: transpose(g, sums, scale) - self.damping * g


def compared(rate: float, integrator: Integrator, steps: int, cell: str) -> Values:
    """Return error and cosine of the reverse-time gradient against the exact one."""
    exact: Mode = FrozenSteps() if integrator.adaptive else Taped()
    g, truth = (weight_gradient(rate, integrator, steps, mode) for mode in (ReverseTime(), exact))
    yield cell, "gradient/error", float((g - truth).norm() / truth.norm())
    yield cell, "gradient/cosine", float(torch.nn.functional.cosine_similarity(g, truth, dim=0))


def weight_gradient(rate: float, integrator: Integrator, steps: int, mode: Mode) -> Tensor:
    """Return the derivative of ``|u(1)|^2`` in all weights."""
    torch.manual_seed(SEED)
    F = HalfDamped(rate)
    control, u = Constant(F).double(), torch.randn(BATCH, WIDTH, dtype=torch.float64)
    with torch.no_grad():
        for w in control.parameters():
            w.mul_(SCALE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that the state is lost is what is measured here
        Flow(F, control, integrator, mode, steps, 1.0)(u).square().sum().backward()
    return torch.cat([w.grad.flatten() for w in control.parameters() if w.grad is not None])


def undamped() -> Values:
    """E4."""
    for name, (scheme, counts) in FIXED.items():
        for steps in counts:
            yield from compared(0.0, scheme(), steps, f"E4/{name}/N={steps}")
    for rtol in (1e-3, 1e-6):
        yield from compared(0.0, DormandPrince(rtol), 1, f"E4/dopri5/rtol={rtol:g}")


def half_damped() -> Values:
    """E5."""
    for rate in (10, 20, 30):
        for rtol in (1e-5, 1e-7):
            yield from compared(rate, DormandPrince(rtol), 1, f"E5/d={rate}/dopri5/rtol={rtol:g}")
        for steps in (50, 200):
            yield from compared(rate, RK4(), steps, f"E5/d={rate}/rk4/N={steps}")
