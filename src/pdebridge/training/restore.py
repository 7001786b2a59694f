"""Read a run directory back: the trained network and the data that it saw. Imports torch, not Lightning."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from safetensors.torch import load_file
from torch import nn

from pdebridge.configuration.classification import ClassificationCell
from pdebridge.configuration.experiment import Cell
from pdebridge.files import read_json
from pdebridge.records import RUN, check
from pdebridge.training import construct

AnyCell = TypeVar("AnyCell", bound=Cell)
Net = TypeVar("Net", bound=nn.Module)


@dataclass(frozen=True)
class Run:
    """A finished training: its configuration, seed, network in evaluation mode, and data."""

    cell: ClassificationCell
    seed: int
    net: Any
    data: construct.Samples
    classes: int


def opened(folder: Path, kind: type[AnyCell]) -> tuple[AnyCell, int]:
    """Return configuration and seed of a finished run; raise `UserError` if it is not whole."""
    check(folder)
    said = read_json(folder / RUN)
    return kind.model_validate(said["cell"]), said["seed"]


def trained(net: Net, folder: Path) -> Net:
    """Load the weights of a run directory into a network, and return it in evaluation mode."""
    net.load_state_dict(load_file(folder / "weights.safetensors"))
    return net.eval().requires_grad_(False)


def restore(folder: Path) -> Run:
    """Rebuild the network of a run directory, load its weights, and draw its data again."""
    cell, seed = opened(folder, ClassificationCell)
    data, features, classes = construct.samples(cell, seed)
    net = construct.network(cell.network, features, classes).to(construct.DTYPES[cell.training.precision])
    return Run(cell, seed, trained(net, folder), data, classes)
