"""The losses of a classification, by the names that configurations use."""

from typing import Protocol

from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot


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


LOSSES: dict[str, Loss] = {"cross-entropy": cross_entropy, "squared-hinge": squared_hinge}
