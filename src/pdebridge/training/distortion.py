"""Random reflections and small affine maps of a case, image and mask alike, as a function of a generator."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample


def distort(
    x: Tensor,
    c: Tensor,
    generator: torch.Generator,
    spacing: Sequence[float],
    flip: Sequence[int] = (),
    rotation: float = 0.0,
    scale: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Return image and mask at ``A x``, ``A`` a reflection times a rotation in the plane times a scaling of the axes.

    The image is interpolated linearly, the mask by its nearest voxel; beyond the border stands the border.

    Args:
        x: image ``(1, 1, *voxels)``.
        c: mask ``(1, *voxels)``.
        generator: on the CPU.
        spacing: millimetres along each axis, in which an angle is one.
        flip: axes along which the case is reflected with probability 1/2.
        rotation: largest angle in degrees, in the plane of the last two axes.
        scale: largest relative change of each axis.
    """
    d = c.ndim - 1
    axes = [axis for axis in flip if axis < d and torch.rand((), generator=generator) < 0.5]
    x, c = x.flip([axis + 2 for axis in axes]), c.flip([axis + 1 for axis in axes])
    if not rotation and not scale:
        return x, c
    A = affine(d, generator, rotation, scale)
    extent = torch.tensor([n * h for n, h in zip(c.shape[1:], spacing, strict=True)], dtype=A.dtype)
    A = (A * extent) / extent[:, None]  # of coordinates that go from -1 to 1 along every axis
    theta = torch.cat([A.flip(0, 1), A.new_zeros(d, 1)], dim=1)  # torch has the last axis first
    grid = affine_grid(theta[None].to(x), list(x.shape), align_corners=False)
    labels = grid_sample(c[:, None].to(x.dtype), grid, mode="nearest", padding_mode="border", align_corners=False)
    moved = grid_sample(x, grid, padding_mode="border", align_corners=False)
    return moved, labels[:, 0].round().to(c.dtype)


def affine(d: int, generator: torch.Generator, rotation: float, scale: float) -> Tensor:
    """Return a random rotation in the plane of the last two of ``d`` axes, times a random scaling of every axis."""
    angle, *sizes = (2 * torch.rand(d + 1, generator=generator, dtype=torch.float64) - 1).tolist()
    turn, A = math.radians(rotation) * angle, torch.eye(d, dtype=torch.float64)
    rotated = [[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]
    A[-2:, -2:] = torch.tensor(rotated, dtype=torch.float64)
    return A * (1 + scale * torch.tensor(sizes, dtype=torch.float64))
