"""Which code a training runs, named without importing it."""

from pdebridge.configuration.experiment import Cell, Network
from pdebridge.cube import target
from pdebridge.datasets.names import DATASETS
from pdebridge.networks.published import PUBLISHED


def modules(cell: Cell) -> list[str]:
    """Return the modules of a cell's training: the trainer, and the objects that its configuration names."""
    axes = [target(axis, name) for axis, name in cell.network.point().items()]
    return ["pdebridge.training.fit", DATASETS.get(cell.data.name, cell.data.name), *layout(cell.network), *axes]


def layout(network: Network) -> list[str]:
    """Return the modules that build a layout."""
    if network.layout == "published":
        return [PUBLISHED[network.name].reference]
    return [{"dense": "pdebridge.networks.classifier", "staged": "pdebridge.networks.staged"}[network.layout]]
