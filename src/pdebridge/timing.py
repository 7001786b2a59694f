"""How long jobs took the last time, by the benchmarks that Snakemake keeps, and how long the rest will take."""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

LIGHT = ("all", "default", "results", "fig1", "collect_")  # rules, or their beginnings, that take no time


def benchmarks(folder: Path) -> Iterator[tuple[str, str, float]]:
    """Yield rule, job and seconds of every benchmark of a scale's folder; a damaged one is left out.

    ``train/EXPERIMENT/2.tsv`` is that of the rule ``train_EXPERIMENT_2``, ``train/EXPERIMENT/CELL/seed-0.tsv`` of
    ``train_EXPERIMENT_CELL_seed_0``, ``study/EXPERIMENT/STUDY.tsv`` one of the rule ``study``.
    """
    for path in sorted((folder / "benchmarks").rglob("*.tsv")):
        first, *rest = path.relative_to(folder / "benchmarks").with_suffix("").parts
        if first in ("train", "pages"):
            rule = "_".join([first, *rest[:-1], rest[-1].replace("seed-", "seed_")]) if rest else first
        else:
            rule = first
        try:
            with path.open(encoding="utf-8") as lines:
                yield rule, "/".join([first, *rest]), float(next(csv.DictReader(lines, delimiter="\t"))["s"])
        except (OSError, StopIteration, KeyError, ValueError):
            continue


@dataclass
class Remaining:
    """What is left of a run, in seconds.

    Attributes:
        times: seconds of a job of each rule, the mean of the last run's.
        waiting: jobs that have not begun, by rule.
        cores: jobs that run side by side.
    """

    times: dict[str, float] = field(default_factory=dict)
    waiting: Counter[str] = field(default_factory=Counter)
    cores: int = 1

    @classmethod
    def of(cls, folder: Path, stats: Mapping[str, int]) -> "Remaining":
        """Return what is left of a plan, ``{rule: jobs}``, by the benchmarks of a scale's folder."""
        found: dict[str, list[float]] = {}
        for rule, _, seconds in benchmarks(folder):
            found.setdefault(rule, []).append(seconds)
        times = {rule: sum(every) / len(every) for rule, every in found.items()}
        return cls(times, Counter({rule: n for rule, n in stats.items() if rule != "total"}))

    def seconds(self, running: Mapping[str, float]) -> float:
        """Return how long the rest takes: the work shared among cores, but no less than its longest job.

        Args:
            running: rules of running jobs with the seconds since they began.
        """
        rest = [max(0.0, self.times.get(rule, 0.0) - elapsed) for rule, elapsed in running.items()]
        waiting = [(self.times.get(rule, 0.0), n) for rule, n in self.waiting.items() if n > 0]
        work = sum(rest) + sum(seconds * n for seconds, n in waiting)
        return max(work / self.cores, max(rest, default=0.0), max((seconds for seconds, _ in waiting), default=0.0))

    def unknown(self) -> int:
        """Return how many waiting jobs were never measured, light ones aside."""
        return sum(n for rule, n in self.waiting.items() if rule not in self.times and not rule.startswith(LIGHT))

    def slowest(self, running: Mapping[str, float]) -> str:
        """Return the rule of the longest job that is not finished; empty if none is known."""
        left = {rule for rule, n in self.waiting.items() if n > 0} | set(running)
        known = {rule: self.times[rule] for rule in left if rule in self.times}
        return max(known, key=lambda rule: known[rule], default="")

    def told(self, running: Mapping[str, float]) -> str:
        """Return the rest in words; empty where nothing was measured."""
        slowest, unknown = self.slowest(running), self.unknown()
        if not slowest:
            return ""
        more = f" and {unknown} job{'s' * (unknown > 1)} never measured" if unknown else ""
        return f"{in_words(self.seconds(running))} left{more}; slowest: {slowest}, {in_words(self.times[slowest])}"


def in_words(seconds: float) -> str:
    """Return a time in the unit that says enough."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
