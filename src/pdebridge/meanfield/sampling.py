"""Which samples each iteration sees: levels of growing size, redrawn every so many iterations."""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from pdebridge.meanfield.densities import GaussianMixture


class Level(NamedTuple):
    """A number of iterations with a number of samples."""

    samples: int
    iterations: int


class Draw(NamedTuple):
    """The samples of one iteration; `fresh` if they, or their number, differ from those of the iteration before."""

    x: Tensor
    fresh: bool
    level: int


class Samples:
    """The draws of a multilevel training, level by level (Ruthotto et al. 2020; their public scripts).

    Args:
        density: ``rho_0``.
        levels: sizes and iterations; published with growing sizes and the weights carried over.
        every: iterations between two draws within a level; published 25.
        method: independent, stratified by components (published) or quasi-random points.
        seed: the draws depend on nothing else.

    Raises:
        ValueError: a level is empty, `every` is not positive, or a stratified level is not divisible.
    """

    def __init__(
        self,
        density: GaussianMixture,
        levels: Sequence[Level | tuple[int, int]],
        every: int = 25,
        method: Literal["independent", "stratified", "sobol"] = "independent",
        seed: int = 0,
    ) -> None:
        self.density, self.every, self.method, self.seed = density, every, method, seed
        self.levels = [Level(*level) for level in levels]
        if every < 1 or not self.levels or min(min(level) for level in self.levels) < 1:
            raise ValueError("every level needs at least one sample and one iteration, and `every` at least 1")
        if method == "stratified":
            for level in self.levels:
                density.stratified(level.samples)

    def __len__(self) -> int:
        """Return the number of iterations of all levels."""
        return sum(level.iterations for level in self.levels)

    def __iter__(self) -> Iterator[Draw]:
        """Yield one draw an iteration, from the first."""
        return self.starting_at(0)

    def starting_at(self, iteration: int) -> Iterator[Draw]:
        """Yield the draws from an iteration on, the same as in an uninterrupted run; the first is fresh."""
        done = 0
        for number, level in enumerate(self.levels):
            first = max(0, iteration - done)
            for k in range(first, level.iterations):
                fresh = k % self.every == 0 or k == first
                if fresh:
                    x = self._draw(level.samples, done + k - k % self.every)
                yield Draw(x, fresh, number)
            done += level.iterations

    def _draw(self, n: int, iteration: int) -> Tensor:
        seed = self.seed * 1_000_003 + iteration
        if self.method == "sobol":
            return self.density.sobol(n, seed)
        generator = torch.Generator(self.density.means.device).manual_seed(seed)
        draw = self.density.stratified if self.method == "stratified" else self.density.sample
        return draw(n, generator)
