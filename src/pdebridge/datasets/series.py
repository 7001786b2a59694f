"""Trajectories of evolution equations, sampled at equal intervals: what a series is learned from."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from pdebridge.datasets import evolution
from pdebridge.datasets.dataset import positive
from pdebridge.datasets.evolution import Equation, Grid, integrate, waves

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Sampling:
    """How trajectories are sampled: ``samples`` instants, ``interval`` apart, of so many trajectories a part.

    ``noise`` is the standard deviation of what is added to those of training and validation, relative to the root mean
    square of the training part; those of the test are exact.
    """

    interval: float
    samples: int
    train: int
    validation: int
    test: int
    noise: float = 0.0

    @property
    def trajectories(self) -> dict[str, int]:
        """Return the number of trajectories of each part."""
        return {part: getattr(self, part) for part in PARTS}


@dataclass(frozen=True, eq=False)
class Series:
    """Sampled trajectories of a period, by part: ``(trajectories, samples, channels, points)``.

    The second channel, where there is one, is a parameter that is constant in time and space. ``coefficients`` of the
    equation, by the names of its terms, are the truth that is to be found, and empty where it is not known.
    """

    parts: dict[str, Grid]
    interval: float
    length: float
    coefficients: dict[str, float] = field(default_factory=dict)


def sampled(
    equation: Equation,
    draw: Callable[[np.random.Generator, int], Grid],
    length: float,
    step: float,
    discard: float,
    seed: int,
    sampling: Sampling,
) -> Series:
    """Integrate initial values that are drawn for each part, discard a beginning, and add the noise."""
    positive(length=length)
    interval, parts = sampling.interval, {}
    for rng, (part, n) in zip(np.random.default_rng(seed).spawn(3), sampling.trajectories.items(), strict=True):
        u = draw(rng, n)
        if discard:
            u = integrate(equation, u, length, discard, 2, math.ceil(discard / step))[:, 1]
        u = integrate(equation, u, length, interval, sampling.samples, math.ceil(interval / step))
        parts[part] = u[:, :, None]
    return Series(noisy(parts, sampling.noise, seed), interval, length, equation.coefficients)


def noisy(parts: dict[str, Grid], noise: float, seed: int) -> dict[str, Grid]:
    """Return the parts with noise on the first channel of all but the test."""
    rng, size = np.random.default_rng([seed, 1]), noise * float(np.sqrt(np.mean(parts["train"][:, :, 0] ** 2)))
    changed = {part: u.copy() for part, u in parts.items()}
    for part in PARTS[:2] if noise else ():
        changed[part][:, :, 0] += size * rng.standard_normal(changed[part][:, :, 0].shape)
    return changed


def kuramoto_sivashinsky(
    *, seed: int, sampling: Sampling, points: int = 64, length: float = 22.0, discard: float = 200.0
) -> Series:
    """Return the attractor of ``u_t + u_xx + u_xxxx + u u_x = 0``; ETDRK4 with steps of at most 0.05."""
    draw = partial(drawn, points=points, size=1.0)
    return sampled(evolution.kuramoto_sivashinsky(), draw, length, 0.05, discard, seed, sampling)


def drawn(rng: np.random.Generator, batch: int, points: int, size: float) -> Grid:
    """Draw initial values of four waves; raise ``ValueError`` where the grid does not resolve their products."""
    if points < 24:
        raise ValueError(f"points must be at least 24, for four waves and their products (found {points})")
    return waves(rng, batch, points, size=size)


def burgers(*, seed: int, sampling: Sampling, points: int = 64, viscosity: float = 0.3) -> Series:
    """Return solutions of ``u_t + u u_x = viscosity u_xx`` on the period ``2 pi``."""
    draw = partial(drawn, points=points, size=1.0)
    return sampled(evolution.burgers(viscosity), draw, 2 * math.pi, 0.02, 0.0, seed, sampling)


def heat(*, seed: int, sampling: Sampling, points: int = 64, diffusion: float = 0.2, velocity: float = 0.5) -> Series:
    """Return solutions of ``u_t = diffusion u_xx - velocity u_x`` on the period ``2 pi``."""
    draw = partial(drawn, points=points, size=1.0)
    return sampled(evolution.heat(diffusion, velocity), draw, 2 * math.pi, 1.0, 0.0, seed, sampling)


def front(*, seed: int, sampling: Sampling, points: int = 64, diffusion: float = 0.1, rate: float = 1.0) -> Series:
    """Return fronts of ``u_t = diffusion u_xx + rate u (1 - u)`` between 0 and 1 on the period ``4 pi``."""

    def draw(rng: np.random.Generator, batch: int) -> Grid:
        return 0.5 + 0.5 * np.tanh(drawn(rng, batch, points, size=2.0))

    return sampled(evolution.front(diffusion, rate), draw, 4 * math.pi, 0.05, 0.0, seed, sampling)


def scaled_kuramoto_sivashinsky(
    *, seed: int, sampling: Sampling, points: int = 64, alphas: Sequence[float] = (2, 6, 12, 20, 28, 40)
) -> Series:
    """Return ``u_t + 4 u_xxxx + alpha (u_xx + u u_x) = 0`` on ``2 pi``, as many trajectories for each ``alpha``.

    ``alpha`` is the second channel.
    """
    draw = partial(drawn, points=points, size=0.5)
    found: dict[str, list[Grid]] = {part: [] for part in PARTS}
    clean = replace(sampling, noise=0.0)
    for i, alpha in enumerate(alphas):
        one = sampled(
            evolution.scaled_kuramoto_sivashinsky(alpha), draw, 2 * math.pi, 1e-3, 0.0, 1000 * seed + i, clean
        )
        for part, u in one.parts.items():
            found[part].append(np.concatenate([u, np.full_like(u, alpha)], 2))
    parts = {part: np.concatenate(several) for part, several in found.items()}
    return Series(noisy(parts, sampling.noise, seed), sampling.interval, 2 * math.pi)


def file(*, seed: int, sampling: Sampling, path: str) -> Series:
    """Return trajectories of one's own, the first ones for training, the next for validation, the next for the test.

    A file of numpy, ``.npz``, with ``u`` of the shape (trajectories, times, points), ``times`` that are equally spaced,
    and the ``length`` of the period; ``interval`` is a multiple of the spacing.

    Raises:
        ValueError: the file cannot be read, is not as described, or is too short for the sampling.
    """
    u, times, length = read(Path(path))
    gaps = np.diff(times)
    if not (gaps.min() > 0 and np.ptp(gaps) <= 1e-6 * gaps.max()):
        raise ValueError(
            f"{path}: times must be equally spaced (found intervals from {gaps.min():g} to {gaps.max():g})"
        )
    ratio = sampling.interval / float(gaps.mean())
    if round(ratio) < 1 or abs(ratio - round(ratio)) > 1e-6 * ratio:
        raise ValueError(
            f"{path}: sampling.interval must be a multiple of {gaps.mean():g}, the file's (found {sampling.interval:g})"
        )
    taken, needed = u[:, :: round(ratio)], sum(sampling.trajectories.values())
    if taken.shape[1] < sampling.samples or len(u) < needed:
        raise ValueError(
            f"{path}: too short: it has {len(u)} trajectories of {taken.shape[1]} samples, {sampling.interval:g} apart,"
            f" and {needed} of {sampling.samples} are asked for"
        )
    ends = np.cumsum(list(sampling.trajectories.values()))
    parts = dict(zip(PARTS, np.split(taken[:, : sampling.samples, None], ends)[:3], strict=True))
    return Series(noisy(parts, sampling.noise, seed), sampling.interval, length)


def read(path: Path) -> tuple[Grid, Grid, float]:
    """Return ``u``, ``times`` and ``length`` of a file; raise ``ValueError`` in one line."""
    try:
        with np.load(path) as content:
            u, times, length = (np.asarray(content[name], dtype=float) for name in ("u", "times", "length"))
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
        raise ValueError(f"{path}: not a file of numpy with u, times and length: {error}") from error
    if u.ndim != 3 or times.shape != u.shape[1:2] or len(times) < 2 or length.shape or not length > 0:
        raise ValueError(
            f"{path}: needs u (trajectories, times, points), two times or more and a positive length (found u"
            f" {u.shape}, times {times.shape}, length {length})"
        )
    if not (np.isfinite(u).all() and np.isfinite(times).all()):
        raise ValueError(f"{path}: u or times has a value that is not finite")
    return u, times, float(length)
