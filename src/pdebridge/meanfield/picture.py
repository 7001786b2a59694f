"""An obstacle that is drawn: white is free, black is wall."""

from collections.abc import Sequence
from math import ceil

import torch
from torch import Tensor
from torch.nn import functional as F

from pdebridge.meanfield.interactions import External

LEAST = 128  # pixels of the longer side; fewer are repeated, so that blurring them keeps their shape
SMOOTH = 40  # the default blur is this part of the longer side


class Picture(External):
    """``F(rho) = int Q rho``, ``Q = height x darkness`` of a picture of the plane of ``x_1`` and ``x_2``.

    The picture is smoothed by a normal density and read between its pixels by cubic convolution, once differentiable
    (Keys, IEEE Trans. ASSP 29(6), 1981); outside of its corners it goes on as it is at its edge.

    Args:
        darkness: 0 (free) to 1 (wall), ``(rows, columns)``, the first row on top.
        low: lower left corner.
        high: upper right corner.
        height: ``Q`` on the wall.
        blur: standard deviation of the smoothing, in units of space; a fortieth of the longer side if None.

    Raises:
        ValueError: the picture is not a matrix of numbers between 0 and 1, a corner or a number is out of range.
    """

    least_d = 2
    values: Tensor
    middle: Tensor
    radius: Tensor

    def __init__(
        self, darkness: Tensor, low: Sequence[float], high: Sequence[float], height: float, blur: float | None = None
    ) -> None:
        super().__init__()
        sides = [b - a for a, b in zip(low, high, strict=True)]
        if len(sides) != 2 or min(sides) <= 0:
            raise ValueError(f"a picture needs corners low < high in the plane, not {tuple(low)} and {tuple(high)}")
        if darkness.ndim != 2 or not len(darkness) or not bool(((darkness >= 0) & (darkness <= 1)).all()):
            raise ValueError(f"a picture is a matrix of numbers between 0 and 1, not {tuple(darkness.shape)}")
        blur = max(sides) / SMOOTH if blur is None else blur
        if height <= 0 or blur <= 0:
            raise ValueError(f"height and blur of a picture must be positive, not {height:g} and {blur:g}")
        often = ceil(LEAST / max(darkness.shape))
        pixels = darkness.double().repeat_interleave(often, 0).repeat_interleave(often, 1)[None, None]
        for axis, side in ((2, sides[1]), (3, sides[0])):
            pixels = smoothed(pixels, axis, blur * pixels.shape[axis] / side)
        dtype = torch.get_default_dtype()
        self.register_buffer("values", (height * pixels).to(dtype))
        self.register_buffer("middle", torch.tensor([(a + b) / 2 for a, b in zip(low, high, strict=True)]))
        self.register_buffer("radius", torch.tensor([side / 2 for side in sides]))

    def cost(self, x: Tensor) -> Tensor:
        """Return ``Q(x)``."""
        place = (x[:, :2] - self.middle) / self.radius * x.new_tensor([1.0, -1.0])  # rows count downwards
        read = F.grid_sample(
            self.values, place.view(1, 1, -1, 2), mode="bicubic", padding_mode="border", align_corners=False
        )
        return read.view(-1)


def smoothed(pixels: Tensor, axis: int, spread: float) -> Tensor:
    """Return pixels ``(1, 1, rows, columns)`` averaged along an axis with normal weights of a spread in pixels."""
    reach = ceil(4 * spread)
    weights = (-0.5 * (torch.arange(-reach, reach + 1, dtype=torch.float64) / spread).square()).exp()
    padding = [reach if axis == 3 else 0] * 2 + [reach if axis == 2 else 0] * 2
    kernel = (weights / weights.sum()).view([1, 1, -1, 1] if axis == 2 else [1, 1, 1, -1])
    return F.conv2d(F.pad(pixels, padding, mode="replicate"), kernel)
