"""Gradients of neural ODEs against torchdiffeq: the same field, weights, batch and scheme in the same process.

Another library joins by a `training_pass` of its own: docs/benchmarks.md.
"""

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from torchdiffeq import odeint, odeint_adjoint

from pdebridge.dynamics.control import Constant
from pdebridge.dynamics.perceptron import Perceptron
from pdebridge.gradients.allocation import peak_bytes
from pdebridge.gradients.checkpointed import Checkpointed, Revolve
from pdebridge.gradients.frozen_steps import FrozenSteps
from pdebridge.gradients.reversible import Reversible
from pdebridge.gradients.stored import stored
from pdebridge.gradients.taped import Taped
from pdebridge.integrators.base import Integrator
from pdebridge.integrators.dormand_prince import DormandPrince
from pdebridge.integrators.paired_adaptive import PairedDormandPrince
from pdebridge.integrators.runge_kutta import RK4
from pdebridge.networks.flow import Flow, Gradient

WIDTH, BATCH, STEPS, RTOL = 64, 256, 40, 1e-5
LONG = 100.0  # a solution of many steps
Pass = Callable[[], Tensor]


class Peer(nn.Module):
    """The field as a user of torchdiffeq writes it, with the weights of a control.

    Args:
        control: shared weights of an autonomous `Perceptron` of two hidden layers.
    """

    def __init__(self, control: Constant) -> None:
        super().__init__()
        linears = [nn.Linear(WIDTH, WIDTH) for _ in range(3)]
        with torch.no_grad():
            for w, own in zip(control.coefficients, (p for layer in linears for p in layer.parameters()), strict=True):
                own.copy_(w[0])
        self.net = nn.Sequential(linears[0], nn.Tanh(), linears[1], nn.Tanh(), linears[2])

    def forward(self, t: Tensor, u: Tensor) -> Tensor:
        """Return ``F(u)``."""
        return self.net(u)

    def step(self, u: Tensor, h: float) -> Tensor:
        """Return one step of the classical Runge-Kutta method."""
        k1 = self.net(u)
        k2 = self.net(u + h / 2 * k1)
        k3 = self.net(u + h / 2 * k2)
        k4 = self.net(u + h * k3)
        return u + h / 6 * (k1 + 2 * (k2 + k3) + k4)


def problem(dtype: torch.dtype = torch.float32) -> tuple[Perceptron, Constant, Peer, Tensor]:
    """Return the field, its weights, the same field as a module of its own, and a batch of states."""
    torch.manual_seed(0)
    F = Perceptron(WIDTH, time=False)
    control, u = Constant(F).to(dtype), torch.randn(BATCH, WIDTH).to(dtype)
    return F, control, Peer(control).to(dtype), u


def computations(dtype: torch.dtype = torch.float32, time: float = 1.0) -> dict[str, Pass]:
    """Return by name functions that run a forward and a backward pass and return the gradient of the weights.

    Args:
        dtype: of states and weights.
        time: to which the solutions go.
    """
    F, control, peer, u = problem(dtype)
    times = torch.tensor([0.0, time], dtype=dtype)
    fixed: dict[str, Any] = {"method": "rk4", "options": {"step_size": time / STEPS}}
    adaptive: dict[str, Any] = {"method": "dopri5", "rtol": RTOL, "atol": RTOL}

    def ours(integrator: Integrator, mode: Gradient | type[Gradient], steps: int) -> Pass:
        flow = Flow(F, control, integrator, mode, steps, time)
        return training_pass(flow, control, u)

    def theirs(solve: Callable[[Tensor], Tensor]) -> Pass:
        return training_pass(solve, peer, u)

    def per_step(v: Tensor) -> Tensor:
        for _ in range(STEPS):
            v = checkpoint(peer.step, v, time / STEPS, use_reentrant=False)
        return v

    return {
        "rk4: torchdiffeq": theirs(lambda v: odeint(peer, v, times, **fixed)[1]),
        "rk4: stored": ours(RK4(), stored, STEPS),
        "rk4: taped": ours(RK4(), Taped, STEPS),
        "rk4: torch.utils.checkpoint per step": theirs(per_step),
        "rk4: checkpointed per step": ours(RK4(), Checkpointed(1), STEPS),
        "rk4: checkpointed per root": ours(RK4(), Checkpointed(), STEPS),
        "rk4: revolve, 8 slots": ours(RK4(), Revolve(8), STEPS),
        "dopri5: torchdiffeq direct": theirs(lambda v: odeint(peer, v, times, **adaptive)[1]),
        "dopri5: torchdiffeq adjoint": theirs(lambda v: odeint_adjoint(peer, v, times, **adaptive)[1]),
        "dopri5: replay": ours(DormandPrince(RTOL), FrozenSteps, 1),
        "dopri5: reversible": ours(PairedDormandPrince(RTOL), Reversible, 1),
    }


def training_pass(solve: Callable[[Tensor], Tensor], weights: nn.Module, u: Tensor) -> Pass:
    """Return a function that differentiates the mean square of ``solve(u)`` and returns the gradient of the weights."""

    def run() -> Tensor:
        weights.zero_grad()
        solve(u.clone().requires_grad_()).square().mean().backward()
        return torch.cat([p.grad.flatten() for p in weights.parameters() if p.grad is not None])

    return run


def errors(found: Mapping[str, Tensor]) -> dict[str, float]:
    """Return the relative error of the adaptive gradients as derivatives of the solution that was computed.

    The reference is the exact derivative, in float64, of the accepted steps of the same tolerance; torchdiffeq's
    adjoint is compared with it through torchdiffeq's own direct gradient, the reversible form with its own steps.
    """
    exact = computations(torch.float64)
    references = {name: name for name in ("dopri5: replay", "dopri5: reversible")}
    references["dopri5: torchdiffeq adjoint"] = "dopri5: torchdiffeq direct"
    result = {}
    for name, reference in references.items():
        g = exact[reference]()
        result[name] = float((found[name].double() - g).norm() / g.norm())
    return result


def measure(rounds: int = 15) -> dict[str, Any]:
    """Return CPU-time ratios of forward and backward passes, one thread, float32, medians of alternating turns.

    The field has two hidden tanh layers, 64-64-64, on a batch of 256 and the time [0, 1]; RK4 takes 40 steps, dopri5
    has the tolerance 1e-5. Ratios of time, and of the error of the gradient, are ours over theirs.

    Args:
        rounds: turns of each computation.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        passes = computations()
        found = {name: run() for name, run in passes.items()}
        seconds = cpu_times(passes, rounds)
        peaks = {name: peak_bytes(run) for name, run in passes.items()}
        wrong = errors(found)
        long = computations(time=LONG)
        peaks |= {f"{name}, long": peak_bytes(long[name]) for name in ("dopri5: replay", "dopri5: reversible")}
    finally:
        torch.set_num_threads(threads)

    def ratio(ours: str, theirs: str) -> float:
        return median(a / b for a, b in zip(seconds[ours], seconds[theirs], strict=True))

    return {
        "name": "ode",
        "ratios": {
            "rk4 taped / torchdiffeq (at most 0.75)": ratio("rk4: taped", "rk4: torchdiffeq"),
            "rk4 checkpointed per step / torch.utils.checkpoint (at most 0.85)": ratio(
                "rk4: checkpointed per step", "rk4: torch.utils.checkpoint per step"
            ),
            "dopri5 replay / torchdiffeq direct (at most 1.0)": ratio("dopri5: replay", "dopri5: torchdiffeq direct"),
            "dopri5 replay / torchdiffeq direct, peak memory (below 1.0)": peaks["dopri5: replay"]
            / peaks["dopri5: torchdiffeq direct"],
            "dopri5 replay / torchdiffeq adjoint (at most 0.9)": ratio("dopri5: replay", "dopri5: torchdiffeq adjoint"),
            "dopri5 replay / torchdiffeq adjoint, gradient error (at most 0.1)": wrong["dopri5: replay"]
            / wrong["dopri5: torchdiffeq adjoint"],
            "dopri5 reversible / replay": ratio("dopri5: reversible", "dopri5: replay"),
            "dopri5 reversible / replay, peak memory": peaks["dopri5: reversible"] / peaks["dopri5: replay"],
            f"dopri5 reversible / replay, peak memory on [0, {LONG:g}] (below 1.0)": peaks["dopri5: reversible, long"]
            / peaks["dopri5: replay, long"],
            "dopri5 reversible / torchdiffeq adjoint": ratio("dopri5: reversible", "dopri5: torchdiffeq adjoint"),
            "dopri5 reversible / torchdiffeq adjoint, peak memory": peaks["dopri5: reversible"]
            / peaks["dopri5: torchdiffeq adjoint"],
            "dopri5 reversible / torchdiffeq adjoint, gradient error (at most 0.1)": wrong["dopri5: reversible"]
            / wrong["dopri5: torchdiffeq adjoint"],
        },
        "raw": {
            "cpu seconds": {name: median(turns) for name, turns in seconds.items()},
            "peak bytes": peaks,
            "relative gradient error": wrong,
        },
    }


def cpu_times(passes: Mapping[str, Pass], rounds: int) -> dict[str, list[float]]:
    """Return the CPU seconds of each turn; the computations alternate, so that load falls on all alike."""
    times: dict[str, list[float]] = {name: [] for name in passes}
    for _ in range(rounds):
        for name, run in passes.items():
            started = time.thread_time()
            run()
            times[name].append(time.thread_time() - started)
    return times
