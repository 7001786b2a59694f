"""From configuration to objects: data sets, networks, optimisers."""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from pdebridge.configuration.classification import ClassificationCell
from pdebridge.configuration.experiment import Cell
from pdebridge.configuration.model import Named
from pdebridge.configuration.network import DenseNetwork, Network, StagedNetwork
from pdebridge.cube import made, named
from pdebridge.datasets.make import make
from pdebridge.dynamics.base import Dynamics
from pdebridge.dynamics.control import Control, PiecewiseConstant
from pdebridge.errors import UserError
from pdebridge.networks import published
from pdebridge.networks.classifier import FlowClassifier
from pdebridge.networks.flow import Flow
from pdebridge.networks.opening import OPENINGS
from pdebridge.networks.point import mode_named
from pdebridge.networks.staged import StagedClassifier, staged
from pdebridge.training.own import check_dynamics

Samples = dict[str, tuple[Tensor, Tensor]]
DTYPES = {"float32": torch.float32, "float64": torch.float64, "bf16-mixed": torch.float32}


def samples(cell: ClassificationCell, seed: int) -> tuple[Samples, int, int]:
    """Return the tensors ``train``, ``val`` and, where there is one, ``test``; features or channels; classes."""
    spec, folders = cell.data, cell.folders
    try:
        data = make(spec.name, seed=seed, folder=folders.folder, mirror=folders.mirror, **spec.options)
    except (ValueError, TypeError, ImportError, AttributeError) as error:
        raise UserError(f"{where(cell)}: data: {error}") from error
    dtype = DTYPES[cell.training.precision]
    train = torch.as_tensor(data.x_train, dtype=dtype), torch.as_tensor(data.c_train)
    val = torch.as_tensor(data.x_validation, dtype=dtype), torch.as_tensor(data.c_validation)
    parts = {"train": train, "val": val}
    if data.x_test is not None:
        parts["test"] = torch.as_tensor(data.x_test, dtype=dtype), torch.as_tensor(data.c_test)
    return parts, data.x_train.shape[1], data.classes


def build(cell: ClassificationCell, seed: int) -> nn.Module:
    """Return a cell's network for the sizes of its data."""
    parts, features, classes = samples(cell, seed)
    check_shares(cell, len(parts["train"][0]))
    net = network(cell.network, features, classes, f"{where(cell)}: network")
    try:
        check_dynamics(net, parts["train"][0][:2])
    except ValueError as error:
        raise UserError(f"{where(cell)}: network.dynamics: {error}") from error
    return net


def check_shares(cell: ClassificationCell, n: int) -> None:
    """Refuse a cell whose last batch of ``n`` samples has fewer of them than there are devices to share it."""
    size = cell.training.batch_size or n
    last = n % size or min(n, size)
    layers = cell.network.gradient.options.get("distributed", False)
    if not layers and last < cell.devices:
        raise UserError(
            f"{where(cell)}: devices: at most {last}, the samples of the last batch of {n} in batches of {size}"
            f" (found {cell.devices})"
        )


def network(spec: Network, features: int, classes: int, what: str = "network") -> nn.Module:
    """Return the network from inputs to logits, initialised from torch's global generator.

    Args:
        spec: layout and place in the cube.
        features: of a point, or channels of an image.
        classes: number of classes.
        what: how a message names it.
    """
    try:
        if spec.layout == "dense":
            return _dense(spec, features, classes)
        if spec.layout == "staged":
            return _staged(spec, features, classes)
        return published.build(spec.name, **_gradient(spec.gradient), **spec.options)
    except (TypeError, ValueError, ImportError, AttributeError, KeyError) as error:
        raise UserError(f"{what}: {error}") from error


def _dense(spec: DenseNetwork, features: int, classes: int) -> FlowClassifier:
    dynamics = on_axis("dynamics", spec.dynamics, spec.width)
    gradient = mode_named(spec.gradient.name, spec.gradient.options)()
    integrator = on_axis("integrator", spec.integrator)
    control = control_of(spec.control, dynamics, spec.steps)
    flow = Flow(dynamics, control, integrator, gradient, spec.steps, spec.time)
    return FlowClassifier(OPENINGS[spec.opening](features, spec.width), flow, spec.readout or spec.width, classes)


def control_of(spec: Named, dynamics: Dynamics, steps: int) -> Control:
    """Return a control of the weights of a dynamics; those that live on the steps are told their number."""
    kind = named("control", spec.name)
    depth = {"steps": steps} if issubclass(kind, PiecewiseConstant) else {}
    made: Control = kind(dynamics, **depth, **spec.options)
    return made


def _staged(spec: StagedNetwork, channels: int, classes: int) -> StagedClassifier:
    return staged(
        spec.dynamics.name,
        partial(on_axis, "integrator", spec.integrator),
        spec.widths,
        classes,
        steps=spec.steps,
        h=spec.h,
        channels=channels,
        gradient=mode_named(spec.gradient.name, spec.gradient.options),
        **spec.dynamics.options,
    )


def _gradient(spec: Named) -> dict[str, Any]:
    """Return the argument of a published layout: none for what is stored, which is all that some layouts know."""
    return {} if spec == Named(name="stored") else {"gradient": mode_named(spec.name, spec.options)}


def on_axis(axis: str, spec: Named, *args: Any) -> Any:
    """Return the object of an axis that a configuration names.

    Raises:
        ValueError: an option that it does not have.
        TypeError: one of another type.
    """
    try:
        return made(axis, spec.name, *args, **spec.options)
    except TypeError as error:  # an option of the wrong type, which says neither its name nor its value
        raise TypeError(f"{axis} {spec.name!r} with {spec.options}: {error}") from error


def classifier(net: nn.Module) -> nn.Linear:
    """Return the linear classifier: the last linear layer of the network."""
    return [part for part in net.modules() if isinstance(part, nn.Linear)][-1]


def where(cell: Cell) -> str:
    """Return how messages name a cell."""
    return f"config/experiments/{cell.experiment}.yaml, cell {cell.cell!r}"
