"""Stability of trained networks: growth of perturbations, spectrum of the Jacobian, both certificates."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import jacfwd, vmap

from pdebridge.dynamics.field import Field
from pdebridge.integrators.base import State
from pdebridge.integrators.march import fields
from pdebridge.integrators.runge_kutta import RungeKutta
from pdebridge.networks.certificate import contractive, spectral
from pdebridge.networks.flow import Flow
from pdebridge.networks.regularisation import flows
from pdebridge.studies.first_order import derivative
from pdebridge.studies.result import Measurement, StudyResult
from pdebridge.training.restore import Run, restore

FEATURES = 512  # Jacobians are computed at so many validation samples that they have this many features in all
REGION = 121  # points an axis of the drawn region of stability


def stability(runs: list[Path]) -> StudyResult:
    """Measure every flow of every run along the trajectories of validation samples.

    - ``growth``: largest ``||du_k / du_0||_2`` over steps and samples, the worst amplification of a perturbation.
    - ``spectrum/real``, ``spectrum/imaginary``: largest ``Re lambda`` and ``|Im lambda|`` of the Jacobian of the
      equation as one of first order (``first_order.derivative``), over steps and samples, of the first seed.
    - ``contractive/growth``: the largest proved bound of ``||du_N / du_0||_2`` of a flow, for every state; at most 1
      where every flow is non-expansive. Missing for families whose differences nothing bounds.
    - ``spectral/margin``: smallest of (largest stable step) / ``h`` over the steps, with weights and activations
      frozen; more than 1 where every step is stable. Missing where nothing bounds the frozen eigenvalues.
    - ``spectral/certified`` (%): steps that are stable in this sense.

    Arrays are named by cell: ``growth/i`` of flow ``i``, ``(seeds, N + 1)``; ``contractive/growth`` and
    ``spectral/margin`` of every seed; ``spectrum``, all ``h lambda``; ``limits``, those of the integrator on the real
    and imaginary axes; and ``region``, ``|R(z)|`` of Runge-Kutta methods on ``[-4, 1] x [-3.5, 3.5]``.

    Args:
        runs: run directories.
    """
    values: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    names: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    curves: dict[str, list[Tensor]] = defaultdict(list)
    arrays: dict[str, Tensor] = {}
    for folder in runs:
        run = restore(folder)
        entered = inputs(run)
        growths = [growth(flow, u) for flow, u in entered]
        for i, curve in enumerate(growths):
            curves[f"{run.cell.cell}/growth/{i}"].append(curve)
        measured = {"growth": float(torch.cat(growths).max())} | certificates(entered)
        if run.seed == 0:
            numbers, drawn = spectra(entered)
            measured |= numbers
            arrays |= {f"{run.cell.cell}/{name}": array for name, array in drawn.items()}
        for quantity, value in measured.items():
            key = (run.cell.experiment, run.cell.cell, quantity)
            values[key].append(value)
            names[key].append(str(folder))
    arrays |= {name: torch.stack(seeds) for name, seeds in curves.items()}
    proved = {key: v for key, v in values.items() if key[2] in ("contractive/growth", "spectral/margin")}
    arrays |= {f"{cell}/{quantity}": torch.tensor(v) for (_, cell, quantity), v in proved.items()}
    measurements = [Measurement(*key, values[key], names[key]) for key in values]
    return StudyResult(measurements, {name: np.asarray(array) for name, array in arrays.items()})


def inputs(run: Run) -> list[tuple[Flow, Tensor]]:
    """Return every flow of a network, in float64, with what enters it from the first validation samples."""
    net: nn.Module = run.net.double()
    entered: list[tuple[Flow, Tensor]] = []
    hooks = [
        flow.register_forward_pre_hook(lambda module, arguments: entered.append((module, arguments[0])))
        for flow in flows(net)
    ]
    y = run.data["val"][0].double()
    # every k-th sample, since data may be sorted by class
    net(y[:: max(1, len(y) // FEATURES)])
    for hook in hooks:
        hook.remove()
    return [(flow, u[: max(1, FEATURES // u[0].numel())]) for flow, u in entered]


def growth(flow: Flow, u: Tensor) -> Tensor:
    """Return ``max ||du_k / du_0||_2`` over the samples ``u``, for ``k = 0, ..., N``."""

    def path(v: Tensor) -> Tensor:
        return torch.stack([w.flatten() for w in flow.trajectory(v.view(1, *u.shape[1:]))])

    return torch.linalg.matrix_norm(vmap(jacfwd(path))(u.flatten(1)), ord=2).amax(0)


def certificates(entered: list[tuple[Flow, Tensor]]) -> dict[str, float]:
    """Return what both certificates say of all flows, or nothing of the kind for which there is no bound."""
    found: dict[str, float] = {}
    with suppress(ValueError):
        bounds = [contractive(flow, tuple(u.shape[2:])) for flow, u in entered]
        found["contractive/growth"] = max(c.number for c in bounds)
    with suppress(ValueError):
        frozen = [spectral(flow, tuple(u.shape[2:])) for flow, u in entered]
        steps = [c.held(number) for c in frozen for number in c.steps]
        found["spectral/margin"] = min(c.number for c in frozen)
        found["spectral/certified"] = 100 * sum(steps) / len(steps)
    return found


def spectra(entered: list[tuple[Flow, Tensor]]) -> tuple[dict[str, float], dict[str, Tensor]]:
    """Return the extent of the spectrum of all flows, and what its picture needs."""
    found = [(flow.h, torch.linalg.eigvals(J)) for flow, u in entered for J in jacobians(flow, u)]
    eigenvalues = torch.cat([e.flatten() for _, e in found])
    numbers = {
        "spectrum/real": float(eigenvalues.real.max()),
        "spectrum/imaginary": float(eigenvalues.imag.abs().max()),
    }
    step = entered[0][0].integrator
    arrays = {
        "spectrum": torch.cat([h * e.flatten() for h, e in found]),
        "limits": torch.tensor([step.real_limit, step.imaginary_limit]),
    }
    return numbers, arrays | ({"region": region(step)} if isinstance(step, RungeKutta) else {})


def jacobians(flow: Flow, u: Tensor) -> Iterator[Tensor]:
    """Yield the Jacobians ``(samples, m, m)`` of the equation as one of first order at every step of the flow."""
    for F, state in passed(flow, u):
        parts = state[:1] if F.dynamics.structure in ("explicit", "implicit-explicit") else state
        flat = torch.cat([part.flatten(1) for part in parts], dim=1)
        yield vmap(jacfwd(on_vectors(F, tuple(part[:1].shape for part in parts))))(flat)


def passed(flow: Flow, u: Tensor) -> Iterator[tuple[Field, State]]:
    """Yield the field and the state of every step."""
    state = flow.integrator.start(u)
    theta = flow.control.sample(flow.steps, flow.integrator.abscissae)
    for F in fields(flow.integrator, flow.dynamics, theta, flow.steps, flow.h):
        yield F, state
        state = flow.integrator.step(F, state, flow.h)


def on_vectors(F: Field, shapes: tuple[torch.Size, ...]) -> Callable[[Tensor], Tensor]:
    """Return ``s -> s'`` on the vector of all entries of one sample's state."""

    def f(flat: Tensor) -> Tensor:
        parts = flat.split([shape.numel() for shape in shapes])
        state = tuple(part.view(shape) for part, shape in zip(parts, shapes, strict=True))
        return torch.cat([part.flatten() for part in derivative(F, state)])

    return f


def region(step: RungeKutta) -> Tensor:
    """Return ``|R(z)|``, the factor of one step of ``u' = z u`` with ``h = 1``, rows by imaginary part."""
    real, imaginary = torch.linspace(-4, 1, REGION), torch.linspace(-3.5, 3.5, REGION)
    z = torch.complex(*torch.meshgrid(real, imaginary, indexing="xy"))
    (u,) = step.step(lambda u, c=0.0, part=0: z * u, (torch.ones_like(z),), 1.0)  # type: ignore[arg-type]
    return u.abs()
