"""Batches as slices of tensors in memory, shuffled by a permutation that is a function of (seed, epoch)."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from pdebridge.dynamics.processes import world
from pdebridge.errors import UserError
from pdebridge.training.augmentation import augment


def permutation(n: int, seed: int, epoch: int) -> Tensor:
    """Return the order of ``n`` samples in an epoch; a resumed run sees the same one."""
    generator = torch.Generator().manual_seed(1_000_003 * seed + epoch)
    return torch.randperm(n, generator=generator)


class Place:
    """Where a pass through the batches of an epoch is, so that a training resumes in the middle of one."""

    def __init__(self) -> None:
        self.epoch, self.done, self.skip = 0, 0, 0

    def rest(self, batches: Iterator[Any], epoch: int) -> Iterator[Any]:
        """Yield the batches of an epoch, after a resumption those that were not done before."""
        self.done, self.skip = self.skip if epoch == self.epoch else 0, 0
        self.epoch = epoch
        for batch in islice(batches, self.done, None):
            yield batch
            self.done += 1

    def state_dict(self) -> dict[str, int]:
        """Return epoch and finished batches."""
        return {"epoch": self.epoch, "done": self.done}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Restore them."""
        self.epoch, self.skip = state["epoch"], state["done"]


class Batches:
    """An iterable of ``(x, c)`` batches; ten times less overhead than a DataLoader on small networks.

    Lightning calls ``set_epoch`` through the ``sampler`` attribute before each epoch. Of ``R`` processes, the one
    of rank ``r`` gets the samples ``r, r + R, r + 2 R, ...`` of every batch that one process would see; without a seed,
    or if they share something else, each gets all of them.

    Args:
        x: inputs, samples first.
        c: labels.
        size: samples a batch; all if None, and then nothing is shuffled.
        seed: seed of the shuffling and the augmentation; neither if None.
        pad: largest shift of augmented images.
        flip: whether augmented images are reflected.
        shared: whether the processes share each batch.

    Raises:
        UserError: when a pass begins, if a shuffled batch has fewer samples than there are processes.
    """

    def __init__(
        self,
        x: Tensor,
        c: Tensor,
        size: int | None = None,
        seed: int | None = None,
        pad: int = 0,
        flip: bool = False,
        shared: bool = True,
    ) -> None:
        self.x, self.c, self.size, self.seed = x, c, size or len(x), seed
        self.shared = shared and seed is not None
        self.pad, self.flip = pad, flip
        self.sampler, self.batch_sampler, self.epoch = self, None, 0
        self.place = Place()

    def set_epoch(self, epoch: int) -> None:
        """Choose the permutation."""
        self.epoch = epoch

    def to(self, device: torch.device) -> "Batches":
        """Move the samples to a device if they take at most a quarter of what is free there, and return this.

        Batches are then cut and augmented there, with the random numbers of the CPU.
        """
        room = torch.cuda.mem_get_info(device)[0] // 4 if device.type == "cuda" else 0
        if self.x.nbytes + self.c.nbytes <= room:
            self.x, self.c = self.x.to(device), self.c.to(device)
        return self

    def __len__(self) -> int:
        return -(-len(self.x) // self.size)

    def processes(self) -> tuple[int, int]:
        """Return this process's rank and number among those that share each batch."""
        return world() if self.shared else (0, 1)

    def samples(self, k: int) -> int:
        """Return how many samples batch ``k`` has in all processes together."""
        return min(self.size, len(self.x) - k * self.size)

    def share(self, k: int) -> float:
        """Return what this process's mean over batch ``k`` weighs: the mean over processes is then that of all."""
        rank, ranks = self.processes()
        return len(range(rank, self.samples(k), ranks)) * ranks / self.samples(k)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        rank, ranks = self.processes()
        if self.samples(len(self) - 1) < ranks:
            batches = f"{len(self.x)} samples in batches of {self.size}"
            raise UserError(f"devices: {ranks} of them cannot share the last batch of {batches}")
        for x, c in self.place.rest(self.whole(), self.epoch):
            yield (x, c) if ranks == 1 else (x[rank::ranks], c[rank::ranks])

    def state_dict(self) -> dict[str, int]:
        """Return where the epoch is, for a checkpoint."""
        return self.place.state_dict()

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on from there."""
        self.place.load_state_dict(state)

    def whole(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the batches of all processes together."""
        if self.seed is None or self.size >= len(self.x):
            yield from zip(self.x.split(self.size), self.c.split(self.size), strict=True)
            return
        changes = torch.Generator().manual_seed(1_000_003 * self.seed + self.epoch + 500_000)
        for index in permutation(len(self.x), self.seed, self.epoch).split(self.size):
            index = index.to(self.x.device)
            x = self.x[index]
            yield augment(x, changes, self.pad, self.flip) if self.pad or self.flip else x, self.c[index]
