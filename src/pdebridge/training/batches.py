"""Batches as slices of tensors in memory, shuffled by a permutation that is a function of (seed, epoch)."""

from collections.abc import Iterator

import torch
from torch import Tensor

from pdebridge.training.augmentation import augment


def permutation(n: int, seed: int, epoch: int) -> Tensor:
    """Return the order of ``n`` samples in an epoch; a resumed run sees the same one."""
    generator = torch.Generator().manual_seed(1_000_003 * seed + epoch)
    return torch.randperm(n, generator=generator)


class Batches:
    """An iterable of ``(x, c)`` batches; ten times less overhead than a DataLoader on small networks.

    Lightning calls ``set_epoch`` through the ``sampler`` attribute before each epoch.

    Args:
        x: inputs, samples first.
        c: labels.
        size: samples a batch; all if None, and then nothing is shuffled.
        seed: seed of the shuffling and the augmentation; neither if None.
        pad: largest shift of augmented images.
        flip: whether augmented images are reflected.
    """

    def __init__(
        self,
        x: Tensor,
        c: Tensor,
        size: int | None = None,
        seed: int | None = None,
        pad: int = 0,
        flip: bool = False,
    ) -> None:
        self.x, self.c, self.size, self.seed = x, c, size or len(x), seed
        self.pad, self.flip = pad, flip
        self.sampler, self.batch_sampler, self.epoch = self, None, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the permutation."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.x) // self.size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        if self.seed is None or self.size >= len(self.x):
            yield from zip(self.x.split(self.size), self.c.split(self.size), strict=True)
            return
        changes = torch.Generator().manual_seed(1_000_003 * self.seed + self.epoch + 500_000)
        for index in permutation(len(self.x), self.seed, self.epoch).split(self.size):
            x = self.x[index]
            yield augment(x, changes, self.pad, self.flip) if self.pad or self.flip else x, self.c[index]
