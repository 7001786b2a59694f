"""Which code a training runs, named without importing it."""

from pdebridge.configuration.experiment import Cell
from pdebridge.cube import AXES, target
from pdebridge.datasets.names import DATASETS


def modules(cell: Cell) -> list[str]:
    """Return the modules of a cell's training: the trainer, and the objects that its configuration names."""
    axes = [target(axis, getattr(cell.network, axis).name) for axis in AXES]
    return ["pdebridge.training.fit", DATASETS.get(cell.data.name, cell.data.name), *axes]
