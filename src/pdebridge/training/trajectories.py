"""From configuration to objects: series, their pieces, flows that reproduce them, finished runs. No Lightning."""

import inspect
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from pdebridge.configuration.series import SeriesCell, SeriesNetwork
from pdebridge.cube import named
from pdebridge.datasets.make import call
from pdebridge.datasets.series import Sampling, Series
from pdebridge.dynamics.control import Constant
from pdebridge.dynamics.stencil import Stencil
from pdebridge.errors import UserError
from pdebridge.networks.flow import Flow
from pdebridge.networks.point import mode_named
from pdebridge.optimisation.series import pieces
from pdebridge.training.construct import DTYPES, control_of, on_axis, where
from pdebridge.training.own import check_dynamics
from pdebridge.training.restore import opened, trained

FAILURES = (TypeError, ValueError, ImportError, AttributeError, RuntimeError)


def series(cell: SeriesCell, seed: int) -> Series:
    """Return the sampled trajectories of a cell."""
    spec = cell.series
    try:
        sampling = Sampling(**cell.sampling.model_dump())
        made: Series = call(
            named("series", spec.name), f"series {spec.name!r}", spec.options, seed=seed, sampling=sampling
        )
    except FAILURES as error:
        raise UserError(f"{where(cell)}: series: {error}") from error
    return made


def cut(cell: SeriesCell, found: Series) -> dict[str, Tensor]:
    """Return the pieces of each part, ``(pieces, steps + 1, channels, points)``; strides are within a trajectory."""
    times = found.interval * torch.arange(cell.sampling.samples, dtype=torch.float64)
    spec, dtype = cell.training, DTYPES[cell.training.precision]
    try:
        return {
            part: pieces(torch.as_tensor(u, dtype=dtype), times, spec.steps)[0]
            .unflatten(0, (len(u), -1))[:, :: spec.stride]
            .flatten(0, 1)
            for part, u in found.parts.items()
        }
    except ValueError as error:
        raise UserError(f"{where(cell)}: series: {error}") from error


def build(cell: SeriesCell, seed: int) -> Flow:
    """Return a cell's flow over one interval with the initial weights of a seed; its series must exist too."""
    found = series(cell, seed)
    torch.manual_seed(seed)
    try:
        net = flow(cell.network, found).to(DTYPES[cell.training.precision])
        first = cut(cell, found)["train"][:2, 0]
        check_dynamics(net, first)
        with torch.no_grad():
            net(first)
    except FAILURES as error:
        raise UserError(f"{where(cell)}: network: {error}") from error
    return net


def flow(spec: SeriesNetwork, found: Series) -> Flow:
    """Return the flow over one interval of a series."""
    kind, options = named("dynamics", spec.dynamics.name), dict(spec.dynamics.options)
    if "length" in inspect.signature(kind).parameters:
        options.setdefault("length", found.length)
    dynamics = kind(found.parts["train"].shape[2], **options)
    return Flow(
        dynamics,
        control_of(spec.control, dynamics, spec.steps),
        on_axis("integrator", spec.integrator),
        mode_named(spec.gradient.name, spec.gradient.options)(),
        spec.steps,
        found.interval,
    )


def coefficients(net: Flow) -> dict[str, float]:
    """Return what the weights of a stencil say of the equation: the coefficient of every term by its name.

    Empty for other dynamics, weights that depend on time, and where they depend on a parameter.
    """
    F = net.dynamics
    if type(F) is not Stencil or F.width > 1 or not isinstance(net.control, Constant):
        return {}
    terms = [term(m) for m in F.orders] + [term(*pair) for pair in F.products]
    values = torch.cat([w.detach()[0, :, 0] for w in net.control.coefficients])
    return dict(zip(terms, values.tolist(), strict=True))


def by_differences(u: Tensor, interval: float, F: Stencil) -> dict[str, float]:
    """Return ``a, c`` of ``u_t = sum_m a_m D_m u + sum_pq c_pq (D_p u)(D_q u)`` by differences and least squares.

    Args:
        u: ``(trajectories, samples, 1, points)``.
        interval: between two samples.
        F: the terms.
    """
    slope = ((u[:, 2:] - u[:, :-2]) / (2 * interval)).flatten()
    v = u[:, 1:-1].flatten(0, 1)
    columns = [F.differentiate(v, [m]).flatten() for m in F.orders]
    columns += [(F.differentiate(v, [p]) * F.differentiate(v, [q])).flatten() for p, q in F.products]
    names = [term(m) for m in F.orders] + [term(*pair) for pair in F.products]
    found = torch.linalg.lstsq(torch.stack(columns, 1), slope[:, None]).solution[:, 0]
    return dict(zip(names, found.tolist(), strict=True))


def term(*orders: int) -> str:
    """Return the name of a product of derivatives, ``u u_x``."""
    return " ".join("u" if m == 0 else f"u_{'x' * m}" for m in orders)


def slug(name: str) -> str:
    """Return the name of a term as quantities spell it, ``u-u-x``."""
    return name.replace(" ", "-").replace("_", "-")


@dataclass(frozen=True)
class Identified:
    """A finished training: its configuration, seed, series and flow."""

    cell: SeriesCell
    seed: int
    series: Series
    net: Flow


def restore(folder: Path) -> Identified:
    """Rebuild the series and the flow of a run directory and load its weights."""
    cell, seed = opened(folder, SeriesCell)
    return Identified(cell, seed, series(cell, seed), trained(build(cell, seed), folder))
