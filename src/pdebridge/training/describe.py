"""What a network is, from the network itself: built, counted, not trained. Imports torch, not Lightning."""

from typing import Any

from torch import nn

from pdebridge.configuration.experiment import Cell
from pdebridge.cube import load
from pdebridge.networks.published import PUBLISHED, build
from pdebridge.networks.regularisation import flows
from pdebridge.training.modules import BUILD


def describe_cell(cell: Cell) -> dict[str, Any]:
    """Build a cell's network for its first seed and return its parameters, layers and place in the cube."""
    net = load(BUILD[cell.task])(cell, 0)
    about = {"name": cell.key, "title": cell.title, "source": cell.source.model_dump()}
    return about | cell.place() | describe_network(net)


def describe_published(name: str) -> dict[str, Any]:
    """Build a published network and return its parameters, layers, source, and the count that its source states."""
    layout = PUBLISHED[name]
    about = {"name": name, "source": layout.source, "published parameters": layout.weights}
    axes = {axis: layout.options[axis] for axis in ("dynamics", "integrator") if axis in layout.options}
    return about | axes | {"gradient": "stored"} | describe_network(build(name))


def describe_network(net: nn.Module) -> dict[str, Any]:
    """Return a network's number of weights, steps of its flows, their sizes, and the shape of every weight."""
    parts = flows(net)
    return {
        "parameters": parameters(net),
        "parameters of flows": sum(parameters(flow) for flow in parts),
        "layers": sum(flow.steps for flow in parts),
        "h": sorted({flow.h for flow in parts}),
        "weights": {name: list(p.shape) for name, p in net.named_parameters()},
    }


def weight_counts(cells: list[Cell]) -> list[dict[str, Any]]:
    """Build every cell's network, which refuses an illegal one before anything is trained, and count its weights."""
    return [count(cell.key, describe_cell(cell)["parameters"]) for cell in cells]


def published_counts() -> list[dict[str, Any]]:
    """Build every published network and count its weights, and those of its flows alone as cell ``name/flows``."""
    found = {name: describe_published(name) for name in PUBLISHED}
    whole = [count(name, description["parameters"]) for name, description in found.items()]
    parts = {name: description["parameters of flows"] for name, description in found.items()}
    return whole + [count(f"{name}/flows", n) for name, n in parts.items() if n]


def count(name: str, parameters: int) -> dict[str, Any]:
    """Return the measurement ``parameters`` of one network."""
    return {"experiment": "weights", "cell": name, "quantity": "parameters", "values": [parameters], "runs": []}


def parameters(net: nn.Module) -> int:
    """Return the number of weights."""
    return sum(p.numel() for p in net.parameters())
