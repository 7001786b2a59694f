"""From configuration to objects: data sets, networks, optimisers."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import LBFGS, SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, MultiStepLR

from pdebridge.configuration.experiment import Cell, DenseNetwork, Training
from pdebridge.configuration.model import Named
from pdebridge.cube import load, target
from pdebridge.datasets.make import make
from pdebridge.dynamics.control import PiecewiseConstant
from pdebridge.errors import UserError
from pdebridge.networks.classifier import FlowClassifier
from pdebridge.networks.flow import Flow
from pdebridge.networks.opening import OPENINGS

Samples = dict[str, tuple[Tensor, Tensor]]
DTYPES = {"float32": torch.float32, "float64": torch.float64}


def build(reference: str, what: str, *args: Any, **options: Any) -> Any:
    """Call the object that ``module:name`` points to; a bad option or value becomes one line that names ``what``."""
    try:
        return load(reference)(*args, **options)
    except (TypeError, ValueError, ImportError, AttributeError, KeyError) as error:
        raise UserError(f"{what}: {error}") from error


def samples(cell: Cell, seed: int) -> tuple[Samples, int, int]:
    """Return the tensors ``train`` and ``val`` as (inputs, labels), the number of features and of classes."""
    spec, folders = cell.data, cell.folders
    try:
        data = make(spec.name, seed=seed, folder=folders.folder, mirror=folders.mirror, **spec.options)
    except (ValueError, TypeError, ImportError, AttributeError) as error:
        raise UserError(f"{where(cell)}: data: {error}") from error
    dtype = DTYPES[cell.training.precision]
    train = torch.as_tensor(data.x_train, dtype=dtype), torch.as_tensor(data.c_train)
    val = torch.as_tensor(data.x_validation, dtype=dtype), torch.as_tensor(data.c_validation)
    return {"train": train, "val": val}, data.x_train.shape[1], data.classes


def network(spec: DenseNetwork, features: int, classes: int, what: str = "network") -> FlowClassifier:
    """Return the network, initialised from torch's global generator."""
    dynamics = _on_axis("dynamics", spec.dynamics, what, spec.width)
    integrator = _on_axis("integrator", spec.integrator, what)
    gradient = load(target("gradient", spec.gradient.name))
    if spec.gradient.options:
        gradient = _on_axis("gradient", spec.gradient, what)
    try:
        opening = OPENINGS[spec.opening](features, spec.width)
        flow = Flow(dynamics, PiecewiseConstant(dynamics, spec.steps), integrator, gradient, spec.steps, spec.time)
    except ValueError as error:
        raise UserError(f"{what}: {error}") from error
    return FlowClassifier(opening, flow, spec.readout or spec.width, classes)


def _on_axis(axis: str, spec: Named, what: str, *args: Any) -> Any:
    return build(target(axis, spec.name), f"{what}: {axis} {spec.name}", *args, **spec.options)


def optimiser(training: Training, net: nn.Module) -> tuple[Optimizer, LRScheduler | None]:
    """Return the optimiser and, for SGD and AdamW, the schedule of its rate by epochs."""
    spec, weights = training.optimizer, [p for p in net.parameters() if p.requires_grad]
    if spec.name == "sgd":
        sgd = SGD(weights, lr=spec.lr, momentum=spec.momentum, weight_decay=spec.weight_decay)
        return sgd, MultiStepLR(sgd, spec.milestones, spec.factor)
    if spec.name == "adamw":
        adamw = AdamW(weights, lr=spec.lr, weight_decay=spec.weight_decay)
        return adamw, CosineAnnealingLR(adamw, training.epochs)
    # one more evaluation than 1.25 x iterations would cut the last line search of an epoch short
    limit = 2 * spec.iterations + 10
    return LBFGS(
        weights, max_iter=spec.iterations, max_eval=limit, history_size=spec.history, line_search_fn="strong_wolfe"
    ), None


def where(cell: Cell) -> str:
    """Return how messages name a cell."""
    return f"config/experiments/{cell.experiment}.yaml, cell {cell.cell!r}"
