"""The feed-forward network with batch normalisation whose weights the discrete maximum principle finds."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

VALUES: dict[str, tuple[float, ...]] = {"binary": (-1.0, 1.0), "ternary": (-1.0, 0.0, 1.0)}


class NormalisedFeedForward(nn.Sequential):
    """``x_{l+1} = relu(N_l(theta_l x_l))``, without ``relu`` after the last layer; ``theta_l`` has no bias.

    Li & Hao (ICML 2018) and their code: ``N`` is batch normalisation over the samples with ``epsilon = 1e-4``, scale
    and shift drawn from ``N(0, 1)`` cut at two deviations, and the weights drawn evenly from their values.

    Args:
        widths: of the input, the hidden layers and the output.
        weights: ``binary``, values -1 and 1, or ``ternary``, values -1, 0 and 1.

    Raises:
        ValueError: the weights have another name.
    """

    def __init__(self, widths: Sequence[int] = (784, 2048, 2048, 2048, 10), weights: str = "binary") -> None:
        if weights not in VALUES:
            raise ValueError(f"weights must be one of {', '.join(VALUES)} (found {weights!r})")
        layers: list[nn.Module] = [nn.Flatten()]
        for before, after in pairwise(widths):
            layers += [discrete(before, after, VALUES[weights]), normalisation(after), nn.ReLU()]
        super().__init__(*layers[:-1])


def discrete(before: int, after: int, values: Sequence[float]) -> nn.Linear:
    """Return a linear layer without bias, each weight drawn from some values."""
    layer = nn.Linear(before, after, bias=False)
    drawn: Tensor = torch.tensor(values)[torch.randint(len(values), (after, before))]
    layer.weight.data.copy_(drawn)
    return layer


def normalisation(width: int) -> nn.BatchNorm1d:
    """Return the batch normalisation of a layer."""
    norm = nn.BatchNorm1d(width, eps=1e-4)
    for p in norm.parameters():
        nn.init.trunc_normal_(p)
    return norm
