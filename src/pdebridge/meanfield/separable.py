"""A potential that is a sum over crowds: each part sees the coordinates of its own crowd and nothing else."""

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

from pdebridge.meanfield.potential import Potential


class Diagonal(nn.Module):
    """Blocks ``(P, a, b)`` on the diagonal of a matrix ``(P a, P b + edge)``; each has a share of the last column.

    Args:
        crowds: number P of blocks.
        edge: 1 if the last column of every block is that of the time, which all of them have in common; 0 otherwise.
    """

    def __init__(self, crowds: int, edge: int) -> None:
        super().__init__()
        self.crowds, self.edge = crowds, edge

    def forward(self, blocks: Tensor) -> Tensor:
        """Return the matrix."""
        own = blocks.shape[2] - self.edge
        return torch.cat([torch.block_diag(*blocks[:, :, :own]), blocks[:, :, own:].flatten(0, 1)], dim=1)

    def right_inverse(self, matrix: Tensor) -> Tensor:
        """Return the blocks of a matrix."""
        own = (matrix.shape[1] - self.edge) // self.crowds
        rows = matrix.view(self.crowds, -1, matrix.shape[1])
        return torch.stack(
            [torch.cat([row[:, i * own : (i + 1) * own], row[:, self.crowds * own :]], 1) for i, row in enumerate(rows)]
        )


class Bordered(Diagonal):
    """Blocks ``(P, b + 1, b + 1)`` of a symmetric form of every crowd and the time, ``(P b + 1, P b + 1)``."""

    def __init__(self, crowds: int) -> None:
        super().__init__(crowds, 1)

    def forward(self, blocks: Tensor) -> Tensor:
        """Return the matrix; the entries of the time are added."""
        above = super().forward(blocks[:, :-1])
        last = torch.cat([blocks[:, -1, :-1].flatten(), blocks[:, -1, -1:].sum(0)])
        return torch.cat([above, last.unsqueeze(0)])

    def right_inverse(self, matrix: Tensor) -> Tensor:
        """Return the blocks; each has an equal part of what the time has alone."""
        above, below = super().right_inverse(matrix[:-1]), matrix[-1, :-1].view(self.crowds, 1, -1)
        corner = (matrix[-1:, -1:] / self.crowds).expand(self.crowds, 1, 1)
        return torch.cat([above, torch.cat([below, corner], dim=2)], dim=1)


def separable(potential: Potential, crowds: int) -> Potential:
    """Make ``Phi(x, t) = sum_i Phi_i(x_i, t)`` of a potential of ``x = (x_1, ..., x_P)``, and return it.

    What couples the crowds is removed from its matrices, and they have no weights for it any longer.

    Args:
        potential: in d dimensions with m features and, if there is one, rank r: all of them multiples of `crowds`.
        crowds: number P of crowds.

    Raises:
        ValueError: dimension, width or rank is not such a multiple.
    """
    low_rank = len(potential.quadratic.form().stacked)
    if any(number % crowds for number in (potential.d, potential.width, low_rank)):
        raise ValueError(
            f"d = {potential.d}, width {potential.width} and rank {low_rank} cannot be shared among {crowds} crowds"
        )
    register_parametrization(potential, "K0", Diagonal(crowds, 1))
    register_parametrization(potential, "K1", Diagonal(crowds, 0))
    register_parametrization(potential.quadratic, "A", Diagonal(crowds, 1) if low_rank else Bordered(crowds))
    return potential


@torch.no_grad()
def alone(potential: Potential, crowd: int, crowds: int) -> Potential:
    """Return ``Phi_i`` of a separable potential, but for what depends on the time alone: it moves the i-th crowd."""
    d, width = potential.d // crowds, potential.width // crowds
    stacked = len(potential.quadratic.form().stacked)
    part = Potential(d, width, stacked // crowds or None).to(potential.K0)
    for name, edge in (("K0", 1), ("K1", 0)):
        getattr(part, name).copy_(Diagonal(crowds, edge).right_inverse(getattr(potential, name))[crowd])
    for name in ("b0", "b1", "w"):
        getattr(part, name).copy_(getattr(potential, name).view(crowds, -1)[crowd])
    blocks = Diagonal(crowds, 1) if stacked else Bordered(crowds)
    part.quadratic.A.copy_(blocks.right_inverse(potential.quadratic.A)[crowd])
    part.quadratic.c[:-1] = potential.quadratic.c[:-1].view(crowds, -1)[crowd]
    return part.requires_grad_(False)
