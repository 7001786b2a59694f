"""How a training shows that it lives: a bar on a terminal, a plain line every few seconds in a log."""

import sys
import time

from tqdm import tqdm

INTERVAL = 2.0


class Progress:
    """Progress through the epochs of all seeds of a cell.

    Args:
        name: what is trained.
        seeds: number of trainings.
        epochs: epochs of each.
    """

    def __init__(self, name: str, seeds: int, epochs: int) -> None:
        self.name, self.seeds, self.epochs = name, seeds, epochs
        self.seed, self.spoken = 0, 0.0
        self.bar = tqdm(total=seeds * epochs, desc=name, unit="epoch") if sys.stderr.isatty() else None

    def begin(self, seed: int) -> None:
        """Start, or skip to, a seed."""
        self.seed = seed

    def epoch(self, done: int, figures: dict[str, float]) -> None:
        """Report that ``done`` epochs of the current seed are finished."""
        if self.bar is not None:
            self.bar.n = self.seed * self.epochs + done
            self.bar.set_postfix_str(_short(figures), refresh=True)
        elif done == self.epochs or time.monotonic() - self.spoken > INTERVAL:
            self.spoken = time.monotonic()
            where = f"seed {self.seed + 1} of {self.seeds}  epoch {done} of {self.epochs}"
            print(f"{self.name}  {where}  {_short(figures)}", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Leave the terminal tidy."""
        if self.bar is not None:
            self.bar.close()


def _short(figures: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.4g}" for name, value in figures.items())
