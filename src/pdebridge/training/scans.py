"""From configuration to objects: volumes, their batches, networks with a class at every voxel, finished runs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from pdebridge.configuration.network import PublishedNetwork
from pdebridge.configuration.segmentation import Distortion, SegmentationCell
from pdebridge.cube import named
from pdebridge.datasets.make import call
from pdebridge.datasets.volumes import Volume, Volumes
from pdebridge.errors import UserError
from pdebridge.networks import published
from pdebridge.networks.hyperbolic import FullyHyperbolic
from pdebridge.networks.point import mode_named
from pdebridge.training.batches import Place, permutation
from pdebridge.training.construct import DTYPES, where
from pdebridge.training.distortion import distort
from pdebridge.training.restore import opened, trained

FAILURES = (TypeError, ValueError, ImportError, AttributeError, KeyError, RuntimeError, OSError)
Batch = tuple[Tensor, Tensor, tuple[float, ...]]
"""Images ``(batch, 1, *voxels)``, labels ``(batch, *voxels)`` and the spacing in millimetres."""


def volumes(cell: SegmentationCell, seed: int) -> Volumes:
    """Return the cases of a cell."""
    spec, folders = cell.data, cell.folders
    try:
        make = named("volumes", spec.name)
        where_kept = folders.model_dump()
        made: Volumes = call(make, f"volumes {spec.name!r}", spec.options, where_kept, seed=seed)
    except FAILURES as error:
        raise UserError(f"{where(cell)}: data: {error}") from error
    return made


def network(cell: SegmentationCell, classes: int) -> nn.Module:
    """Return a cell's network with weights from torch's global generator."""
    try:
        net = laid_out(cell.network, classes)
    except FAILURES as error:
        raise UserError(f"{where(cell)}: network: {error}") from error
    return net.to(DTYPES[cell.training.precision])


def laid_out(spec: PublishedNetwork, classes: int) -> nn.Module:
    """Return a published network for images of one channel."""
    # a layout that knows nothing of gradients is asked for none
    mode = {} if spec.gradient.name == "stored" else {"gradient": mode_named(spec.gradient.name, spec.gradient.options)}
    net: nn.Module = published.build(spec.name, **{"channels": 1, "classes": classes, **spec.options, **mode})
    return net


def build(cell: SegmentationCell, seed: int) -> nn.Module:
    """Return a cell's network with the initial weights of a seed; its cases must exist, and have room for its grids."""
    found = volumes(cell, seed)
    torch.manual_seed(seed)
    return checked(network(cell, found.classes), cell, found)


def checked(net: nn.Module, cell: SegmentationCell, found: Volumes) -> nn.Module:
    """Refuse a network that has not one value a class at every voxel of the first case."""
    x, c, spacing = next(iter(Cases(found.parts["train"][:1], DTYPES[cell.training.precision])))
    try:
        with torch.no_grad():
            shape = logits(net, x, [h / cell.spacing for h in spacing]).shape
        if shape != (1, found.classes, *c.shape[1:]):
            wanted = (1, found.classes, *c.shape[1:])
            raise ValueError(f"gives {tuple(shape)} for a case of {tuple(c.shape[1:])} voxels, not {wanted}")
    except FAILURES as error:
        raise UserError(f"{where(cell)}: network: {cell.network.name}: {error}") from error
    return net


def logits(net: nn.Module, x: Tensor, ratios: Sequence[float]) -> Tensor:
    """Return the network's values ``(batch, classes, *voxels)`` on a grid of any size.

    Grids that cannot be halved as often as the network does are continued by their last voxels.

    Args:
        net: the network.
        x: images.
        ratios: spacing of each axis over that of the kernels.
    """
    divisor, sides = int(getattr(net, "divisor", 1)), x.shape[2:]
    missing = [-n % divisor for n in sides]
    if any(missing):
        x = pad(x, [n for more in reversed(missing) for n in (0, more)], mode="replicate")
    if isinstance(net, FullyHyperbolic):
        net.at_spacing(ratios)
    values: Tensor = net(x)
    return values[(slice(None), slice(None), *(slice(n) for n in sides))]


class Cases:
    """An iterable of batches of cases, in an order that is a function of (seed, epoch), distorted if asked.

    Cases of one batch have one shape and one spacing: neighbours in the order that differ in either are in different
    batches.

    Args:
        cases: of one part.
        dtype: of the images.
        size: most cases a batch.
        seed: of the order and the distortions; neither if None.
        change: the distortions.
    """

    def __init__(
        self,
        cases: Sequence[Volume],
        dtype: torch.dtype,
        size: int = 1,
        seed: int | None = None,
        change: Distortion | None = None,
    ) -> None:
        self.cases, self.dtype, self.size, self.seed = cases, dtype, size, seed
        self.change = change.model_dump() if change and change != Distortion() else None
        self.sampler, self.batch_sampler, self.epoch = self, None, 0
        self.place = Place()

    def set_epoch(self, epoch: int) -> None:
        """Choose the order; Lightning does before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.batches())

    def batches(self) -> list[list[Volume]]:
        """Return the cases of every batch of the epoch."""
        order = range(len(self.cases))
        shuffled = order if self.seed is None else permutation(len(order), self.seed, self.epoch).tolist()
        alike = groupby((self.cases[i] for i in shuffled), key=lambda case: (case.image.shape, case.spacing))
        groups = [list(group) for _, group in alike]
        return [group[i : i + self.size] for group in groups for i in range(0, len(group), self.size)]

    def __iter__(self) -> Iterator[Batch]:
        yield from self.place.rest(self.whole(), self.epoch)

    def whole(self) -> Iterator[Batch]:
        """Yield the batches of an epoch."""
        changes = torch.Generator().manual_seed(1_000_003 * (self.seed or 0) + self.epoch + 500_000)
        for group in self.batches():
            yield self.joined(group, changes)

    def joined(self, group: list[Volume], changes: torch.Generator) -> Batch:
        """Return a batch of cases, each distorted by itself."""
        pairs = []
        for case in group:
            x, c = torch.as_tensor(case.image, dtype=self.dtype)[None, None], torch.as_tensor(case.mask).long()[None]
            pairs.append(distort(x, c, changes, case.spacing, **self.change) if self.change else (x, c))
        images, masks = zip(*pairs, strict=True)
        return torch.cat(images), torch.cat(masks), group[0].spacing

    def state_dict(self) -> dict[str, int]:
        """Return where the epoch is, for a checkpoint."""
        return self.place.state_dict()

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on from there."""
        self.place.load_state_dict(state)


@dataclass(frozen=True)
class Segmented:
    """A finished training: its configuration, seed, cases and network in evaluation mode."""

    cell: SegmentationCell
    seed: int
    volumes: Volumes
    net: nn.Module

    @torch.no_grad()
    def labels(self, case: Volume) -> Tensor:
        """Return the predicted label of every voxel of a case, uint8."""
        x, _, spacing = next(iter(Cases([case], DTYPES[self.cell.training.precision])))
        return logits(self.net, x, [h / self.cell.spacing for h in spacing])[0].argmax(0).to(torch.uint8)


def restore(folder: Path) -> Segmented:
    """Rebuild the network of a run directory, load its weights, and make or read its cases again."""
    cell, seed = opened(folder, SegmentationCell)
    found = volumes(cell, seed)
    return Segmented(cell, seed, found, trained(network(cell, found.classes), folder))
