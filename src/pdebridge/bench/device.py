"""Gradient modes on the GPU against the CPU in float64, within a minute: do they agree, and how fast is each."""

import time
from typing import Any

import torch

from pdebridge.catalogue import DYNAMICS, GRADIENTS, INTEGRATORS
from pdebridge.cube import load
from pdebridge.dynamics.control import PiecewiseConstant
from pdebridge.networks.flow import Flow

STEPS, TIME, BATCH, WIDTH, PIXELS = 8, 0.8, 4, 8, 12
# one point of the cube a gradient mode that it fits, and the mode's options
POINTS: dict[str, tuple[str, str, dict[str, int]]] = {
    "stored": ("residual", "forward-euler", {}),
    "taped": ("parabolic", "forward-euler", {}),
    "checkpointed": ("parabolic", "rk4", {}),
    "revolve": ("second-order", "leapfrog", {"slots": 3}),
    "reversible": ("hamiltonian", "verlet", {}),
}
TOLERANCE = 1e-8  # of float64, relative; sums on a GPU have another order


def flow(mode: str) -> Flow:
    """Return a small convolutional block, the same whatever the device."""
    torch.manual_seed(0)
    dynamics, integrator, options = POINTS[mode]
    F = load(DYNAMICS[dynamics])(WIDTH)
    gradient = load(GRADIENTS[mode])
    gradient = gradient(**options) if options else gradient
    return Flow(F, PiecewiseConstant(F, STEPS), load(INTEGRATORS[integrator])(), gradient, STEPS, TIME)


def gradients(mode: str, device: str) -> tuple[list[torch.Tensor], float]:
    """Return value and gradients of a block on a device, and the seconds of a second pass."""
    net = flow(mode).to(device, torch.float64)
    u = torch.randn(BATCH, WIDTH, PIXELS, PIXELS, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    u = u.to(device).requires_grad_()
    for _ in range(2):
        net.zero_grad()
        u.grad = None
        started = time.perf_counter()
        loss = net(u).square().mean()
        loss.backward()
        if device == "cuda":
            torch.cuda.synchronize()
        seconds = time.perf_counter() - started
    assert u.grad is not None
    found = [loss.detach(), u.grad, *(p.grad for p in net.parameters() if p.grad is not None)]
    return [g.cpu() for g in found], seconds


def disagreement(mode: str, device: str) -> tuple[float, float]:
    """Return the largest relative difference to the CPU's gradients, and seconds on the device over the CPU's."""
    (ours, ours_seconds), (cpu, cpu_seconds) = gradients(mode, device), gradients(mode, "cpu")
    error = max(float((a - b).norm() / b.norm()) for a, b in zip(ours, cpu, strict=True))
    return error, ours_seconds / cpu_seconds


def measure(device: str = "cuda" if torch.cuda.is_available() else "cpu") -> dict[str, Any]:
    """Return per mode the relative difference of loss and gradients between the device and the CPU, in float64."""
    found = {mode: disagreement(mode, device) for mode in POINTS}
    name = torch.cuda.get_device_name() if device == "cuda" else "cpu"
    return {
        "name": "device",
        "ratios": {f"{mode}: time on {device} / on the CPU": ratio for mode, (_, ratio) in found.items()},
        "raw": {"device": name, "relative difference": {mode: error for mode, (error, _) in found.items()}},
    }
