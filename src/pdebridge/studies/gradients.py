"""Where the gradient of a neural ODE comes from: what reverse time gets wrong, what exactness costs. No data.

After Gholami, Keutzer & Biros (ANODE, IJCAI 2019, section 3) and Onken & Ruthotto (arXiv:2005.13420, 2020).
"""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from torch import Tensor

from pdebridge.dynamics.control import Constant
from pdebridge.dynamics.half_damped import HalfDamped
from pdebridge.gradients.frozen_steps import FrozenSteps
from pdebridge.gradients.mode import Mode
from pdebridge.gradients.reverse_time import ReverseTime
from pdebridge.gradients.taped import Taped
from pdebridge.integrators.base import Integrator
from pdebridge.integrators.dormand_prince import DormandPrince
from pdebridge.integrators.euler import ForwardEuler
from pdebridge.integrators.runge_kutta import RK4, ExplicitMidpoint
from pdebridge.networks.flow import Flow
from pdebridge.studies.curve import Curve, measurements
from pdebridge.studies.gradient_cost import modes, revolve
from pdebridge.studies.result import StudyResult

Vector = NDArray[np.float64]

WIDTH, HIDDEN, BATCH = 16, 64, 32
SCALE = 2.8  # times torch's initial weights: the norm of the field's Jacobian is then about 2
SEED = 2
DRAWS = 5  # of the random fields of E3
DECAYS = (5, 10, 15, 20, 30, 40, 50, 70, 100)
DAMPINGS = (10, 15, 20, 25, 30)
ACTIVATIONS: dict[str, Callable[[Vector], Vector]] = {
    "relu": lambda x: np.maximum(x, 0.0),
    "leaky-relu": lambda x: np.where(x > 0, x, 0.1 * x),
    "softplus": lambda x: np.logaddexp(0.0, x),
    "tanh": np.tanh,
}
FIXED: dict[str, tuple[type[Integrator], tuple[int, ...]]] = {
    "forward-euler": (ForwardEuler, (2, 5, 10, 20, 50)),
    "rk2": (ExplicitMidpoint, (2, 5, 10, 20, 50)),
    "rk4": (RK4, (2, 5, 10, 20)),
}


def gradients(runs: list[Path]) -> StudyResult:
    """Return errors of the state found again and of the reverse-time gradient, and memory and work of every mode.

    Forward from 0 to 1 and back, with SciPy's RK45 in float64 (``atol = rtol / 1000``); ``state/error`` is
    ``|z(0) found again - z(0)| / |z(0)|``:

    - E1: ``z' = -lambda z``, ``z(0) = 1``; the reverse flow grows like ``exp(lambda t)``.
    - E2: ``z' = -max(0, 10 z)``, ``z(0) = 1``.
    - E3: ``z' = sigma(W z)`` with ``W`` an ``n x n`` matrix of standard normal entries, median of five draws, whose
      least and greatest errors, ``state/least`` and ``state/greatest``, are up to 50 times apart.

    The reverse-time gradient of ``|u(1)|^2`` in the weights against the exact one of the same discrete solution;
    ``gradient/error`` is relative, ``gradient/cosine`` that of the angle between them:

    - E4: ``u' = F(u)``, a 16-64-16 tanh perceptron: the two differ by the order of the step.
    - E5: ``u' = F(u) - d (0, u_2)``, half of the features damped at the rate ``d``: the state is lost on the way back
      while the gradient of the other half lives on.

    The modes by name against the number of steps, and binomial checkpointing's steps, are those of `gradient_cost`.
    Arrays: every curve by its name, abscissae and values.

    Args:
        runs: not used; the study stands for itself.
    """
    curves = [*scalar_decay(), scalar_relu(), *random_fields(), *undamped(), *half_damped(), *modes(), *revolve()]
    flat = [m for curve in curves for m in measurements("gradients", curve)]
    return StudyResult(flat, {key: array for curve in curves for key, array in curve.arrays().items()})


class Recovery(NamedTuple):
    """Relative error of the state found again, and the steps of the two solves."""

    error: float
    forward: int
    backward: int

    def figures(self) -> dict[str, float]:
        """Return the three by quantity."""
        return {"state/error": self.error, "steps/forward": self.forward, "steps/backward": self.backward}


def recovery(f: Callable[[float, Vector], Vector], z: Vector, rtol: float) -> Recovery:
    """Integrate ``z' = f`` from 0 to 1 and back."""
    forth = solve_ivp(f, (0.0, 1.0), z, rtol=rtol, atol=1e-3 * rtol)
    back = solve_ivp(f, (1.0, 0.0), forth.y[:, -1], rtol=rtol, atol=1e-3 * rtol)
    error = float(np.linalg.norm(back.y[:, -1] - z) / np.linalg.norm(z))
    return Recovery(error, len(forth.t) - 1, len(back.t) - 1)


def scalar_decay() -> list[Curve]:
    """E1."""

    def found(rate: float, rtol: float) -> dict[str, float]:
        return recovery(lambda t, z: -rate * z, np.ones(1), rtol).figures()

    return [Curve(f"E1/rtol={rtol:g}", "lambda", {d: found(d, rtol) for d in DECAYS}) for rtol in (1e-6, 1e-10)]


def scalar_relu() -> Curve:
    """E2."""

    def found(rtol: float) -> dict[str, float]:
        return recovery(lambda t, z: -np.maximum(0.0, 10 * z), np.ones(1), rtol).figures()

    return Curve("E2", "rtol", {rtol: found(rtol) for rtol in (1e-3, 1e-6, 1e-9)})


def random_fields() -> list[Curve]:
    """E3."""

    def error(sigma: Callable[[Vector], Vector], n: int, seed: int) -> float:
        random = np.random.default_rng(seed)
        W, z = random.standard_normal((n, n)), random.standard_normal(n)
        return recovery(lambda t, z: sigma(W @ z), z, 1e-6).error

    def found(sigma: Callable[[Vector], Vector], n: int) -> dict[str, float]:
        errors = [error(sigma, n, seed) for seed in range(DRAWS)]
        return {"state/error": float(np.median(errors)), "state/least": min(errors), "state/greatest": max(errors)}

    return [Curve(f"E3/{name}", "n", {n: found(f, n) for n in (100, 200)}) for name, f in ACTIVATIONS.items()]


def undamped() -> list[Curve]:
    """E4."""
    fixed = [
        Curve(f"E4/{name}", "N", {N: compared(0.0, scheme(), N) for N in counts})
        for name, (scheme, counts) in FIXED.items()
    ]
    adaptive = {rtol: compared(0.0, DormandPrince(rtol), 1) for rtol in (1e-3, 1e-4, 1e-5, 1e-6)}
    return [*fixed, Curve("E4/dopri5", "rtol", adaptive)]


def half_damped() -> list[Curve]:
    """E5."""
    schemes: dict[str, tuple[Integrator, int]] = {
        **{f"dopri5/rtol={rtol:g}": (DormandPrince(rtol), 1) for rtol in (1e-5, 1e-7)},
        **{f"rk4/N={steps}": (RK4(), steps) for steps in (50, 200)},
    }
    return [
        Curve(f"E5/{name}", "d", {d: compared(d, scheme, steps) for d in DAMPINGS})
        for name, (scheme, steps) in schemes.items()
    ]


def compared(rate: float, integrator: Integrator, steps: int) -> dict[str, float]:
    """Return error and cosine of the reverse-time gradient against the exact one."""
    exact: Mode = FrozenSteps() if integrator.adaptive else Taped()
    g, truth = (weight_gradient(rate, integrator, steps, mode) for mode in (ReverseTime(), exact))
    cosine = torch.nn.functional.cosine_similarity(g, truth, dim=0)
    return {"gradient/error": float((g - truth).norm() / truth.norm()), "gradient/cosine": float(cosine)}


def weight_gradient(rate: float, integrator: Integrator, steps: int, mode: Mode) -> Tensor:
    """Return the derivative of ``|u(1)|^2`` in all weights."""
    torch.manual_seed(SEED)
    F = HalfDamped(WIDTH, rate, HIDDEN, layers=1, time=False)
    control, u = Constant(F).double(), torch.randn(BATCH, WIDTH, dtype=torch.float64)
    with torch.no_grad():
        for w in control.parameters():
            w.mul_(SCALE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that the state is lost is what is measured here
        Flow(F, control, integrator, mode, steps, 1.0)(u).square().sum().backward()
    return torch.cat([w.grad.flatten() for w in control.parameters() if w.grad is not None])
