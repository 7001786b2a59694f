"""How samples are divided among training, validation and test."""

import numpy as np
from numpy.typing import NDArray

from pdebridge.datasets.dataset import Features, Labels


def balanced_order(c: Labels, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return a random permutation of the samples whose every prefix keeps the shares of the classes.

    A class with ``n_k`` of the ``n`` samples has ``m n_k / n`` samples, up to rounding, among the first ``m``; where
    the classes are of equal size and ``m`` is a multiple of their number, exactly ``m / classes``. A part of
    the samples is then any range of the permutation.
    """
    shuffled = rng.permutation(len(c))
    c = c[shuffled]
    by_class = np.argsort(c, kind="stable")
    counts = np.bincount(c)
    rank = np.empty(len(c), dtype=np.intp)
    rank[by_class] = np.arange(len(c)) - np.repeat(np.cumsum(counts) - counts, counts)
    return shuffled[np.argsort((rank + 0.5) / counts[c], kind="stable")]


def ranges(available: int, **sizes: int | None) -> list[slice]:
    """Return consecutive ranges of the given sizes; None takes what is left.

    Raises ``ValueError`` if the sizes exceed what is available or leave a part empty.
    """
    left = available - sum(size for size in sizes.values() if size is not None)
    filled = {name: left if size is None else size for name, size in sizes.items()}
    if left < 0 or min(filled.values()) < 1:
        wanted = ", ".join(f"{name}={size}" for name, size in sizes.items())
        raise ValueError(f"cannot divide {available} samples into {wanted}: every part needs at least 1 sample")
    ends = np.cumsum(list(filled.values())).tolist()
    return [slice(end - size, end) for end, size in zip(ends, filled.values(), strict=True)]


def alternate(x: Features, c: Labels, rng: np.random.Generator) -> tuple[Features, Labels, Features, Labels]:
    """Shuffle and deal the samples alternately: every second one is for training, the others for validation."""
    order = rng.permutation(len(c))
    x, c = x[order], c[order]
    return x[0::2], c[0::2], x[1::2], c[1::2]
