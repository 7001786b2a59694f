"""The losses of a classification, by the names that configurations use."""

from typing import Protocol

from torch import Tensor
from torch.nn.functional import cross_entropy, multi_margin_loss, one_hot


class Loss(Protocol):
    """A loss of logits ``(batch, classes)`` and labels ``(batch,)``: the mean over the batch, or the sum."""

    def __call__(self, logits: Tensor, c: Tensor, /, *, reduction: str = "mean") -> Tensor:
        """Return it."""


def squared_hinge(logits: Tensor, c: Tensor, /, *, reduction: str = "mean") -> Tensor:
    """Return ``relu(1 - (2 y - 1) z)^2``, mean over the classes, for logits ``z`` and labels ``y`` in {0, 1}.

    Each class has a support vector machine of its own (Li & Hao, ICML 2018, after Hubara et al. 2016).
    """
    sign = 2 * one_hot(c, logits.shape[1]).to(logits.dtype) - 1
    losses = (1 - sign * logits).relu().square().mean(1)
    return losses.mean() if reduction == "mean" else losses.sum()


MARGIN = 0.7
"""As in the code of Meunier et al. (ICML 2022), for images with values in [0, 1] and rows of unit norm."""


def margin(logits: Tensor, c: Tensor, /, *, reduction: str = "mean") -> Tensor:
    """Return ``sum_{j != c} relu(0.7 - (z_c - z_j)) / C`` for logits ``z``: no reward beyond the margin.

    Of a network with a known Lipschitz constant the margin is a distance: see the study `certified`.
    """
    return multi_margin_loss(logits, c, margin=MARGIN, reduction=reduction)


LOSSES: dict[str, Loss] = {"cross-entropy": cross_entropy, "squared-hinge": squared_hinge, "margin": margin}
