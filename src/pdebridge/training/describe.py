"""What a network is, from the network itself: built, counted, not trained. Imports torch, not Lightning."""

from typing import Any

from pdebridge.configuration.experiment import Cell
from pdebridge.training import construct


def describe_cell(cell: Cell) -> dict[str, Any]:
    """Build a cell's network for its first seed and return its parameters, layers and place in the cube."""
    _, features, classes = construct.samples(cell, 0)
    net = construct.network(cell.network, features, classes, f"{construct.where(cell)}: network")
    spec = cell.network
    return {
        "name": cell.key,
        "title": cell.title,
        "parameters": sum(p.numel() for p in net.parameters()),
        "layers": spec.steps,
        "h": spec.time / spec.steps,
        "dynamics": spec.dynamics.name,
        "integrator": spec.integrator.name,
        "gradient": spec.gradient.name,
        "weights": {name: list(p.shape) for name, p in net.named_parameters()},
        "source": cell.source.model_dump(),
    }


def weight_counts(cells: list[Cell]) -> list[dict[str, Any]]:
    """Build every cell's network, which refuses an illegal one before anything is trained, and count its weights."""
    counted = [(cell, describe_cell(cell)["parameters"]) for cell in cells]
    return [
        {"experiment": "weights", "cell": cell.key, "quantity": "parameters", "values": [n], "runs": []}
        for cell, n in counted
    ]
