"""The verb that says what is there of a run: finished, running, interrupted, damaged, and the command that goes on."""

import json
import re
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from pdebridge.configuration.load import parse_cell
from pdebridge.errors import UserError
from pdebridge.files import holder, read_json
from pdebridge.records import described, fault
from pdebridge.timing import benchmarks, in_words

State = Literal["finished", "running", "interrupted", "damaged"]
FOLDER = re.compile(r"seed-(\d+)(\.partial)?")


@dataclass(frozen=True)
class Found:
    """One seed of a cell on disk.

    Attributes:
        folder: where the runs of its cell stand.
        cell: ``experiment/cell``; the folder's name where its run no longer says.
        seed: which one.
        state: what is there.
        epoch: the last epoch whose state is kept.
        epochs: of the whole training; 0 if unknown.
        text: who trains it, or what is damaged.
        seconds: that a whole training takes, by finished seeds of its cell or by the last run's benchmarks; 0 if
            unknown.
        command: that goes on; empty for what is finished or running.
    """

    folder: str
    cell: str
    seed: int
    state: State
    epoch: int
    epochs: int
    text: str
    seconds: float
    command: str

    @property
    def left(self) -> float:
        """Return the seconds that its training still takes; 0 where it is finished, or unknown."""
        if self.state in ("finished", "damaged"):
            return self.seconds * (self.state == "damaged")
        return self.seconds * (1 - self.epoch / self.epochs) if self.epochs else 0.0


def status(options: Namespace) -> int:
    """Print what is there, a line for the seeds of a cell in one state; 1 if something is damaged."""
    if not options.results.is_dir():
        raise UserError(f"{options.results}: no such folder; nothing was run here yet")
    found = timed(sorted(runs(options.results), key=lambda one: (*alike(one), one.seed)))
    if options.json:
        print(json.dumps([asdict(one) for one in found], indent=2))
    else:
        for line in lines(found):
            print(line)
    return int(any(one.state == "damaged" for one in found))


def timed(found: list[Found]) -> list[Found]:
    """Return the runs with the time that a seed takes: its cell's mean, else a mean share of its experiment's jobs."""
    took: dict[str, list[float]] = {}
    for one in found:
        if one.state == "finished":
            took.setdefault(one.folder, []).append(seconds_of(Path(one.folder) / f"seed-{one.seed}"))
    known = {folder: sum(every) / len(every) for folder, every in took.items()}
    others = {one.folder for one in found} - set(known)
    for folder in map(Path, others):
        experiment, scale = folder.parent, folder.parent.parent.parent
        jobs = [seconds for _, job, seconds in benchmarks(scale) if job.startswith(f"train/{experiment.name}/")]
        known[str(folder)] = sum(jobs) / sum(Path(one.folder).parent == experiment for one in found)
    return [replace(one, seconds=round(known[one.folder], 3)) for one in found]


def seconds_of(run: Path) -> float:
    """Return how long a finished training took; 0 if it does not say."""
    summary = read_json(run / "summary.json")
    return float(summary.get("seconds", 0.0)) if isinstance(summary, dict) else 0.0


def lines(found: list[Found]) -> Iterator[str]:
    """Yield a line for each cell and state, then the sums."""
    for (folder, state, epoch, text), group in groupby(found, alike):
        seeds = list(group)
        named = ", ".join(str(one.seed) for one in seeds)
        of = f" of {seeds[0].epochs}" if seeds[0].epochs else ""
        yield f"{folder}  seed{'s' * (len(seeds) > 1)} {named}: {state}, epoch {epoch}{of}{f', {text}' if text else ''}"
        if seeds[0].command:
            yield f"    {seeds[0].command}"
    counts = {state: sum(one.state == state for one in found) for state in dict.fromkeys(one.state for one in found)}
    yield ", ".join(f"{number} {state}" for state, number in counts.items()) or "no runs"
    if slowest := max((one for one in found if one.left), key=lambda one: one.left, default=None):
        total, most = in_words(sum(one.left for one in found)), in_words(slowest.left)
        yield f"{total} of one core left; slowest: {slowest.cell}, seed {slowest.seed}, {most}"


def alike(one: Found) -> tuple[str, str, int, str]:
    """Return what the seeds of one line have in common."""
    return one.folder, one.state, one.epoch, one.text


def runs(results: Path) -> Iterator[Found]:
    """Yield every seed below a folder of results."""
    for path in sorted(results.rglob("seed-*")):
        match = FOLDER.fullmatch(path.name)
        whole = path.with_name(f"seed-{match[1]}") if match else path
        # an older finished run may stand beside the one that is to replace it
        if match and path.is_dir() and (match[2] or not whole.with_name(f"{whole.name}.partial").is_dir()):
            yield seen(path, int(match[1]))


def seen(path: Path, seed: int) -> Found:
    """Return what a run directory is, whole or partial."""
    said, folder = described(path), path.parent
    cell, epochs = about(said, folder)
    command = going_on(folder, cell, seed)
    wrong = fault(path)
    if path.suffix != ".partial":
        damaged = wrong.replace(f"{path}/", "").replace(str(path), path.name)
        state: State = "damaged" if wrong else "finished"
        return Found(str(folder), cell, seed, state, epochs, epochs, damaged, 0.0, command if wrong else "")
    who = holder(folder / f".seed-{seed}.lock")
    epoch = epochs if not wrong else newest_epoch(path / "checkpoints")
    state = "running" if who else "interrupted"
    return Found(str(folder), cell, seed, state, epoch, epochs, who, 0.0, "" if who else command)


def about(said: dict[str, Any], folder: Path) -> tuple[str, int]:
    """Return the cell's key and number of epochs by what its run says of itself; of an unknown one, its place."""
    try:
        cell = parse_cell(said["cell"])
    except (KeyError, UserError):  # damaged, or written by another version
        return f"{folder.parent.name}/{folder.name}", 0
    return cell.key, cell.epochs


def newest_epoch(checkpoints: Path) -> int:
    """Return the number of whole epochs that the newest checkpoint holds."""
    return max((int(path.stem.split("-")[1]) for path in checkpoints.glob("epoch-*.ckpt")), default=0)


def going_on(folder: Path, cell: str, seed: int) -> str:
    """Return the command that finishes a run where it stands."""
    if folder.parent.parent.name == "runs":
        return f"snakemake --cores all --config scale={folder.parent.parent.parent.name}"
    if "=" in folder.name:  # of results/mine, named by what was changed
        changes = " ".join(f"--{change}" for change in folder.name.split(","))
        return f"pdebridge train {cell} {changes} --seed {seed} --out {folder / f'seed-{seed}.json'}"
    return f"pdebridge train {cell} --seed {seed} --out {folder / f'seed-{seed}.json'}"
