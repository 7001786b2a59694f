"""The verb that trains: where its runs stand, which seeds are missing, and the measurements that it writes."""

import os
import re
import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from pdebridge.cli.settings import cell_of, resolved, section, settings_of
from pdebridge.configuration.experiment import Cell
from pdebridge.configuration.settings import Tracking
from pdebridge.errors import UserError
from pdebridge.files import read_json, writable
from pdebridge.meaning import digest
from pdebridge.records import described, write_measurements

LONGEST_NAME = 200  # of a file


def train(options: Namespace) -> None:
    """Train all seeds of some cells, one cell after another, and write the measurements of each."""
    changes = [pair_of(change) for change in options.changes]
    options.set = [*options.set, *changes]
    settings = settings_of(options, (options.what or "").partition("/")[0])
    if options.resolved:
        wanted = resolved(options.resolved)
    elif options.what:
        wanted = [cell_of(options.what, settings)]
    else:
        raise UserError("name an experiment/cell; 'pdebridge list' shows them")
    from pdebridge.training.gpus import assigned, hidden, takes_gpu

    tracking = section(Tracking, options.tracking, "--tracking") if options.tracking else settings.tracking
    out = options.out or [default_out(cell, options.seed, changes) for cell in wanted]
    check_out(out, wanted)
    # before torch is imported; the workflow has set it to the rule's threads
    os.environ.setdefault("OMP_NUM_THREADS", str(settings.threads))
    accelerator = options.accelerator or settings.accelerator
    devices = max((cell.devices for cell in wanted if takes_gpu(cell, accelerator)), default=0)
    with nullcontext() if options.collect else assigned(devices) if devices else hidden():
        for cell, path in zip(wanted, out, strict=True):
            (collect_cell if options.collect else train_cell)(cell, tracking, path, options.seed)


def check_out(out: Sequence[Path], wanted: Sequence[Cell]) -> None:
    """Refuse what could not be written after the training: another number of files, another form, a folder."""
    if len(out) != len(wanted):
        raise UserError(f"--out: expected {len(wanted)} files, one a cell (found {len(out)})")
    for path in out:
        if path.suffix != ".json" or path.is_dir():
            raise UserError(f"--out {path}: expected a file NAME.json, beside which the runs stand in the folder NAME")
        writable(path)


def pair_of(change: str) -> str:
    """Return ``KEY=VALUE`` of ``--KEY=VALUE``, which is short for ``--set KEY=VALUE``."""
    if not re.fullmatch(r"--[^=]+=.*", change, re.DOTALL):
        raise UserError(f"{change}: expected --KEY=VALUE, such as --training.optimizer.lr=0.1")
    return change.removeprefix("--")


def default_out(cell: Cell, seed: int | None, changes: Sequence[str] = ()) -> Path:
    """Return where what was trained by hand stands if nobody says: beside the workflow's runs, not among them.

    Each set of changes has a folder of its own, so that the runs of a sweep stand side by side.
    """
    name = ",".join(sorted(changes)).replace("/", "_")
    stem = Path("results/mine") / cell.key / (name if len(name) < LONGEST_NAME else digest(name)[:16])
    return stem.with_name(f"{stem.name}.json") if seed is None else stem / f"seed-{seed}.json"


def train_cell(cell: Cell, tracking: Tracking, out: Path, seed: int | None = None) -> None:
    """Train the seeds of a cell that are not there yet, or one, and write the measurements of all of them."""
    from pdebridge.training.fingerprint import missing_seeds, run_folders

    if seed is not None and not 0 <= seed < cell.seeds:
        raise UserError(f"--seed {seed}: {cell.key} has the seeds 0 to {cell.seeds - 1}")
    folder, seeds = (out.with_suffix(""), list(range(cell.seeds))) if seed is None else (out.parent, [seed])
    if set(missing_seeds(cell, folder)) & set(seeds):
        from pdebridge.paper.published import read_published
        from pdebridge.training.fit import train as train_seeds

        targets = [n.model_dump() for n in read_published() if (n.experiment, n.cell) == (cell.experiment, cell.cell)]
        train_seeds(cell, tracking, folder, targets, seeds)
    write_cell(cell, [run_folders(cell, folder)[seed] for seed in seeds], out)


def collect_cell(cell: Cell, tracking: Tracking, out: Path, seed: int | None = None) -> None:
    """Write the measurements of a cell whose seeds other jobs have trained.

    Raises:
        UserError: a seed is missing, or was trained by other code or on other data.
    """
    from pdebridge.training.fingerprint import missing_seeds, run_folders

    if missing := missing_seeds(cell, out.with_suffix("")):
        seeds = ", ".join(map(str, missing))
        raise UserError(f"{cell.key}: no finished run of today's code with seed {seeds}; pdebridge train --seed N")
    write_cell(cell, run_folders(cell, out.with_suffix("")), out)


def write_cell(cell: Cell, runs: list[Path], out: Path) -> None:
    """Write the measurements of some runs of a cell."""
    content = {
        "runs": [str(run) for run in runs],
        "fingerprints": {str(run): described(run)["fingerprint"] for run in runs},
        "measurements": measurements_of(cell, runs),
    }
    write_measurements(out, content)
    print(f"{cell.key}: {len(runs)} runs, see {out}", file=sys.stderr)


def measurements_of(cell: Cell, runs: list[Path]) -> list[dict[str, Any]]:
    """Return the runs' summaries as measurements, one a quantity."""
    summaries = [read_json(run / "summary.json") for run in runs]
    identity: dict[str, Any] = {"experiment": cell.experiment, "cell": cell.cell, "runs": [str(run) for run in runs]}
    identity |= {"varied": cell.varied} if cell.varied else {}
    return [identity | {"quantity": name, "values": [s[name] for s in summaries]} for name in summaries[0]]
