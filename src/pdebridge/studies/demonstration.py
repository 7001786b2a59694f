"""Stability without training: phase plane, energy over many steps, denoising by the TV flow, few and many steps."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.func import jacfwd, vmap
from torch.nn.functional import logsigmoid

from pdebridge.dynamics.base import Dynamics, Instant, Theta
from pdebridge.dynamics.dense import Dense
from pdebridge.dynamics.field import Field
from pdebridge.dynamics.hamiltonian import Hamiltonian
from pdebridge.dynamics.parabolic import Parabolic, SecondOrder
from pdebridge.integrators.base import Integrator, State
from pdebridge.integrators.euler import ForwardEuler
from pdebridge.integrators.leapfrog import Leapfrog
from pdebridge.integrators.march import advance
from pdebridge.integrators.verlet import Verlet
from pdebridge.studies.first_order import derivative
from pdebridge.studies.result import Measurement, StudyResult

Part = tuple[dict[tuple[str, str], float], dict[str, Tensor]]

PHASE_PLANE = {
    "K+": [[2.0, -2.0], [0.0, 2.0]],
    "K-": [[-2.0, 0.0], [2.0, -2.0]],
    "K0": [[0.0, -1.0], [1.0, 0.0]],
}
INPUTS = [[0.1, 0.1], [-0.1, -0.1], [0.0, 0.5]]
ENERGY_STEPS, ENERGY_H, FEATURES = 10_000, 0.1, 8
PIXELS, NOISE, TV_STEPS, TV_H = 64, 0.15, 40, 0.0075
COARSE, FINE, TRUE = 5, 100, 200
GRID, EXAMPLES, TIME = 101, 20, 10.0


@torch.no_grad()
def demonstration(runs: list[Path]) -> StudyResult:
    """Show what makes a deep network stable on four problems without data.

    1. *Phase plane* (Haber & Ruthotto 2017, figure 1): ``Y_{j+1} = Y_j + h tanh(Y_j K)``, ``h = 0.1``, ten layers, for
       ``K`` with eigenvalues 2 (inputs part), -2 (inputs become indistinguishable) and ``+-i`` (they rotate).
       ``growth`` is ``|y_10 - y'_10| / |y_0 - y'_0|`` for the inputs ``+-(0.1, 0.1)``; ``eigenvalue/real`` and
       ``eigenvalue/imaginary`` are the largest ``Re lambda`` and ``|Im lambda|`` of the layer's Jacobian at 0, and
       ``growth/step`` is the largest ``|1 + h lambda|``.
    2. *Energy*: ``H = sum S(K_1 z + b_1) + S(K_2 y + b_2)`` of the two-layer Hamiltonian network and
       ``H = |y'|^2 / 2 + sum S(K y + b)`` of the second-order one, ``S = log cosh``, are constant in time for fixed
       weights. ``energy/error`` (%) is ``max_n |H_n - H_0| / H_0`` over 10^4 steps of Verlet and leapfrog, and of
       forward Euler on the same equation.
    3. *TV flow* (Ruthotto & Haber, JMIV 2020): the parabolic layer with difference stencils, the identity and the TV
       norm denoises; ``psnr`` (dB) and ``total-variation`` before and after.
    4. *Few and many steps* (Ruthotto & Haber's lecture code EResNet_Stability): misfit of a network with weights
       ``K(theta)``, of ``N`` steps up to ``T = 10``, to ``N = 200`` steps at ``theta = (1, 1)``, over ``[0.2, 2]^2``.
       ``gap`` is the mean of ``|Phi_train - Phi_test|``, ``minimiser`` the distance of the minimiser of ``Phi_train``
       on the grid from ``(1, 1)``.

    Args:
        runs: not used; the study stands for itself.
    """
    numbers: dict[tuple[str, str], float] = {}
    arrays: dict[str, Tensor] = {}
    for part in (phase_plane, energy, total_variation, landscape):
        torch.manual_seed(0)
        found, drawn = part()
        numbers |= found
        arrays |= drawn
    measurements = [Measurement("demonstration", *key, [value], []) for key, value in numbers.items()]
    return StudyResult(measurements, {name: np.asarray(array) for name, array in arrays.items()})


def constant(theta: Theta, steps: int) -> Theta:
    """Return weights that are the same at every step, ``(steps, 1, ...)``, as views."""
    return tuple(w.expand(steps, 1, *w.shape) for w in theta)


def phase_plane() -> Part:
    """Propagate three inputs of the plane through ten equal layers."""
    F, h, steps, zero = Dense(2), 0.1, 10, torch.zeros(2, dtype=torch.float64)
    numbers: dict[tuple[str, str], float] = {}
    arrays: dict[str, Tensor] = {}
    for name, rows in PHASE_PLANE.items():
        # the paper's features are rows that K multiplies from the right
        theta = (torch.tensor(rows, dtype=torch.float64).t(), zero)
        states = [torch.tensor(INPUTS, dtype=torch.float64)]
        for k in range(steps):
            states += advance(ForwardEuler(), F, constant(theta, 1), (states[-1],), 1, h, first=k)
        paths = torch.stack(states)
        distances = torch.linalg.vector_norm(paths[:, 0] - paths[:, 1], dim=1)
        numbers[f"phase-plane-{name}", "growth"] = float(distances[-1] / distances[0])
        numbers |= {(f"phase-plane-{name}", quantity): value for quantity, value in spectrum(F, theta, h).items()}
        arrays |= {f"phase/{name}/paths": paths, f"phase/{name}/K": theta[0]}
    return numbers, arrays


def spectrum(F: Dynamics, theta: Theta, h: float) -> dict[str, float]:
    """Return what the eigenvalues of ``dF/du`` at ``u = 0`` say of a step of forward Euler."""
    at, zero = Instant(0, 0.0, h), torch.zeros(2, dtype=torch.float64)
    eigenvalues = torch.linalg.eigvals(jacfwd(lambda u: F(u.unsqueeze(0), theta, at).squeeze(0))(zero))
    return {
        "eigenvalue/real": float(eigenvalues.real.max()),
        "eigenvalue/imaginary": float(eigenvalues.imag.abs().max()),
        "growth/step": float((1 + h * eigenvalues).abs().max()),
    }


def log_cosh(x: Tensor) -> Tensor:
    """Return ``S(x) = log cosh x``, a primitive of tanh, without overflow."""
    return x.abs() - logsigmoid(2 * x.abs()) - math.log(2)


def hamiltonian_energy(theta: Theta, state: State) -> Tensor:
    """Return ``sum S(K_1 z + b_1) + sum S(K_2 y + b_2)``, ``S`` a primitive of tanh."""
    (K1, b1, K2, b2), (y, z) = theta, state
    return log_cosh(z @ K1.t() + b1).sum(1) + log_cosh(y @ K2.t() + b2).sum(1)


def wave_energy(theta: Theta, state: State) -> Tensor:
    """Return ``|v|^2 / 2 + sum S(K y + b)``."""
    (K, b), (y, v) = theta, state
    return v.square().sum(1) / 2 + log_cosh(y @ K.t() + b).sum(1)


class EulerOnState(ForwardEuler):
    """``s_{k+1} = s_k + h f(s_k)`` on the state ``s`` of any equation, as one of first order."""

    def step(self, F: Field, state: State, h: float) -> State:
        """Advance all parts of the state at once."""
        return tuple(s.add(d, alpha=h) for s, d in zip(state, derivative(F, state), strict=True))


def energy() -> Part:
    """Follow the energy of both equations with a symplectic step and with forward Euler."""
    options: Any = {"operator": "dense", "activation": "tanh", "normalisation": "none"}
    pair, wave = Hamiltonian(FEATURES, **options), SecondOrder(FEATURES, **options)
    cases = (("hamiltonian", pair, Verlet(), hamiltonian_energy), ("second-order", wave, Leapfrog(), wave_energy))
    numbers, arrays = {}, {}
    for name, F, symplectic, conserved in cases:
        theta = tuple(w.double() for w in F.initial().values())
        start = symplectic.start(torch.randn(1, FEATURES).double())
        for label, step in ((type(symplectic).__name__.lower(), symplectic), ("euler", EulerOnState())):
            H = conserved(theta, states(step, F, theta, start))
            error = 100 * (H - H[0]).abs() / H[0]
            numbers[f"energy-{name}-{label}", "energy/error"] = float(error.max())
            arrays[f"energy/{name}/{label}"] = error
    return numbers, arrays


def states(step: Integrator, F: Dynamics, theta: Theta, state: State) -> State:
    """Return the states of 10^4 steps with constant weights, time first."""
    weights, path = tuple(w.unsqueeze(0) for w in theta), [state]
    for k in range(ENERGY_STEPS):
        path.append(step.step(Field(F, weights, step.abscissae, k, ENERGY_H), path[-1], ENERGY_H))
    return tuple(torch.cat(parts) for parts in zip(*path, strict=True))


def total_variation() -> Part:
    """Denoise a piecewise constant image with the parabolic layer of difference stencils."""
    F = Parabolic(2, activation="identity", normalisation="tv").double()  # channel 1 stays zero
    K = torch.zeros(F.operator.shape, dtype=torch.float64)
    K[0, 0, 1, 1:] = K[1, 0, 1:, 1] = torch.tensor([-1.0, 1.0])
    theta = (K, torch.ones(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64))
    clean = phantom()
    u = torch.zeros(1, 2, PIXELS, PIXELS, dtype=torch.float64)
    u[:, 0] = clean + NOISE * torch.randn(PIXELS, PIXELS)
    flow = [u]
    for k in range(TV_STEPS):
        flow += advance(ForwardEuler(), F, constant(theta, 1), (flow[-1],), 1, TV_H, first=k)
    images = torch.cat(flow)[:, 0]
    variation = torch.linalg.vector_norm(F.operator(K, torch.cat(flow)), dim=1).sum((1, 2))
    psnr = -10 * (images - clean).square().mean((1, 2)).log10()
    numbers = {
        ("tv-flow-before", "psnr"): float(psnr[0]),
        ("tv-flow-after", "psnr"): float(psnr[-1]),
        ("tv-flow-before", "total-variation"): float(variation[0]),
        ("tv-flow-after", "total-variation"): float(variation[-1]),
    }
    shown = {"tv/before": images[0], "tv/after": images[-1]}
    return numbers, {**shown, "tv/variation": variation, "tv/psnr": psnr}


def phantom() -> Tensor:
    """Return an image of values 0, 1/2 and 1: a disc and a square in front of it."""
    x = torch.linspace(-1, 1, PIXELS, dtype=torch.float64)
    row, column = x[:, None], x[None, :]
    disc = 0.5 * ((row + 0.1).square() + (column + 0.15).square() < 0.36)
    square = (row - 0.35).abs().maximum((column - 0.35).abs()) < 0.3
    return torch.where(square, 1.0, disc)


def landscape() -> Part:
    """Scan the misfit of a network of few and of many steps over its two parameters, on two sets of inputs."""
    axis = torch.linspace(0.2, 2.0, GRID, dtype=torch.float64)
    first, second = torch.meshgrid(axis, axis, indexing="ij")
    Y = 0.1 * torch.randn(2, EXAMPLES, 3, dtype=torch.float64)
    target = propagate(m_matrix(torch.ones(2, dtype=torch.float64)), Y.flatten(0, 1), TRUE).view_as(Y)
    weights = vmap(m_matrix)(torch.stack([first.flatten(), second.flatten()], dim=1))
    numbers, arrays = {}, {"landscape/axis": axis}
    for steps in (COARSE, FINE):
        end = vmap(lambda K, N=steps: propagate(K, Y.flatten(0, 1), N))(weights).unflatten(1, Y.shape[:2])
        train, test = (end - target).square().sum((2, 3)).div(2).t().view(2, GRID, GRID)
        best = torch.tensor(divmod(int(train.argmin()), GRID))
        cell = f"landscape-N{steps}"
        numbers[cell, "gap"] = float((train - test).abs().mean())
        numbers[cell, "minimiser"] = float(torch.linalg.vector_norm(axis[best] - 1))
        arrays |= {f"landscape/{steps}/train": train, f"landscape/{steps}/test": test}
    return numbers, arrays


def m_matrix(theta: Tensor) -> Tensor:
    """Return ``K(theta)``: ``-(theta_1 + theta_2)`` on the diagonal, ``theta_1``, ``theta_2`` cyclically beside it."""
    a, b = theta
    return torch.stack([-a - b, a, b, b, -a - b, a, a, b, -a - b]).view(3, 3)


def propagate(K: Tensor, Y: Tensor, steps: int) -> Tensor:
    """Return ``Y(T)`` of ``Y' = tanh(K Y)`` after ``steps`` Euler steps."""
    theta = constant((K, K.new_zeros(3)), steps)
    return advance(ForwardEuler(), Dense(3), theta, (Y,), steps, TIME / steps)[0]
