"""Which code a training runs, named without importing it."""

from pdebridge.configuration.classification import ClassificationCell
from pdebridge.configuration.experiment import Cell
from pdebridge.configuration.network import Network
from pdebridge.configuration.segmentation import SegmentationCell
from pdebridge.configuration.series import SeriesCell
from pdebridge.cube import target
from pdebridge.networks.published import PUBLISHED

# by task: a function of (cell, seed) to the module that Lightning trains, and one to its network alone
ASSEMBLE = {
    "classification": "pdebridge.training.classification:assemble",
    "game": "pdebridge.training.game:assemble",
    "segmentation": "pdebridge.training.segmentation:assemble",
    "series": "pdebridge.training.series:assemble",
}
BUILD = {
    "classification": "pdebridge.training.construct:build",
    "game": "pdebridge.training.games:build",
    "segmentation": "pdebridge.training.scans:build",
    "series": "pdebridge.training.trajectories:build",
}


def modules(cell: Cell) -> list[str]:
    """Return the modules of a cell's training: the trainer, and the objects that its configuration names."""
    return ["pdebridge.training.fit", ASSEMBLE[cell.task], *named(cell)]


def named(cell: Cell) -> list[str]:
    """Return the modules of the objects that a cell's configuration names."""
    assert cell.subject
    _, kind, learned = cell.subject
    found = [target(kind, learned.name)]
    if isinstance(cell, ClassificationCell | SegmentationCell):
        found += layout(cell.network)
    if isinstance(cell, SeriesCell):
        found.append(target("control", cell.network.control.name))
    if isinstance(cell, ClassificationCell | SegmentationCell | SeriesCell):
        found += [target(axis, name) for axis, name in cell.network.point().items()]
    return found


def layout(network: Network) -> list[str]:
    """Return the modules that build a layout."""
    if network.layout == "published":
        return [PUBLISHED[network.name].reference]
    return [{"dense": "pdebridge.networks.classifier", "staged": "pdebridge.networks.staged"}[network.layout]]
