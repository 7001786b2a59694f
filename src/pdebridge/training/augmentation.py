"""Random crops and reflections of a whole batch at once, as a function of a generator."""

import torch
from torch import Tensor
from torch.nn.functional import pad as zero_pad


def augment(x: Tensor, generator: torch.Generator, pad: int = 0, flip: bool = False) -> Tensor:
    """Shift each image by up to ``pad`` pixels (zeros move in) and reflect half of them left to right.

    He et al. (2016) use ``pad = 4`` on CIFAR, Ruthotto & Haber (JMIV 2020) a sixteenth of the image, both with
    reflections.

    Args:
        x: images ``(batch, channels, rows, columns)``.
        generator: on the CPU, so that a seed gives the same images on every device.
        pad: largest shift in each direction.
        flip: whether to reflect.

    Returns:
        New images of the same shape, dtype and device, stored with channels last: convolutions are faster so.
    """
    n, _, rows, columns = x.shape
    row = torch.arange(rows).expand(n, -1)
    column = torch.arange(columns).expand(n, -1)
    if flip:
        reflected = torch.rand(n, 1, generator=generator) < 0.5
        column = torch.where(reflected, column.flip(1), column)
    if pad:
        shift = torch.randint(2 * pad + 1, (2, n, 1), generator=generator)
        row, column = row + shift[0], column + shift[1]
        x = zero_pad(x, (pad, pad, pad, pad))
    row, column = row.to(x.device), column.to(x.device)
    samples = torch.arange(n, device=x.device)
    # the indices of samples, rows and columns stand apart, so their axes come first: (batch, rows, columns, channels)
    return x[samples[:, None, None], :, row[:, :, None], column[:, None, :]].permute(0, 3, 1, 2)
