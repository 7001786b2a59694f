"""Read a run directory back: the trained network and the data that it saw. Imports torch, not Lightning."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from pdebridge.configuration.classification import ClassificationCell
from pdebridge.files import read_json
from pdebridge.records import RUN, check
from pdebridge.training import construct


@dataclass(frozen=True)
class Run:
    """A finished training: its configuration, seed, network in evaluation mode, and data."""

    cell: ClassificationCell
    seed: int
    net: Any
    data: construct.Samples
    classes: int


def restore(folder: Path) -> Run:
    """Rebuild the network of a run directory, load its weights, and draw its data again."""
    check(folder)
    described: dict[str, Any] = read_json(folder / RUN)
    cell, seed = ClassificationCell.model_validate(described["cell"]), described["seed"]
    data, features, classes = construct.samples(cell, seed)
    net = construct.network(cell.network, features, classes).to(construct.DTYPES[cell.training.precision])
    net.load_state_dict(load_file(folder / "weights.safetensors"))
    net.eval().requires_grad_(False)
    return Run(cell, seed, net, data, classes)
