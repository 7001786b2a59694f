"""What each verb does; every heavy import is inside the verb that needs it."""

import json
import os
import re
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import yaml

from pdebridge.configuration.experiment import Cell
from pdebridge.configuration.load import (
    CONFIG,
    Loader,
    cells,
    merge,
    parse_cell,
    read_experiment,
    read_yaml,
    selected,
    settings_from,
)
from pdebridge.configuration.settings import DataFolders, Settings, Tracking
from pdebridge.cube import known, load
from pdebridge.errors import UserError
from pdebridge.files import read_json, whole, write_json
from pdebridge.meaning import digest
from pdebridge.provenance import provenance
from pdebridge.records import read_measurements, write_measurements

LONGEST_NAME = 200  # of a file


def settings_of(options: Namespace, experiment: str = "") -> Settings:
    """Return config/config.yaml with ``--config`` files and ``--set`` pairs laid over it.

    Where the command names an ``experiment``, a pair whose key no setting has is a key of that experiment.
    """
    content = read_yaml(CONFIG)
    for path in options.config or []:
        content = merge(content, read_yaml(path))
    for pair in options.set:
        change = _assignment(pair)
        if experiment and not set(change) <= set(Settings.model_fields):
            change = {"overrides": {experiment: change}}
        content = merge(content, change)
    return settings_from(content, f"{CONFIG} with the command line's changes")


def _assignment(pair: str) -> dict[str, Any]:
    key, equals, value = pair.partition("=")
    if not equals:
        raise UserError(f"--set {pair}: expected KEY=VALUE, such as tracking.mode=disabled")
    content: Any = yaml.load(value, Loader)
    for part in reversed(key.split(".")):
        content = {part: content}
    return dict(content)


def cell_of(what: str, settings: Settings) -> Cell:
    """Return the cell that ``experiment/cell`` names; an experiment with one cell needs no second part."""
    name, _, wanted = what.partition("/")
    there = {cell.cell: cell for cell in cells(read_experiment(name), settings)}
    if not wanted and len(there) == 1:
        return next(iter(there.values()))
    if wanted not in there:
        raise UserError(f"{what}: name one of its cells: {', '.join(f'{name}/{cell}' for cell in there)}")
    return there[wanted]


def list_experiments(options: Namespace) -> None:
    """Print the experiments of the scale with their cells and sources."""
    from pdebridge.networks.published import PUBLISHED

    settings = settings_of(options)
    rows = [
        {
            "experiment": e.name,
            "title": e.title,
            "source": f"{e.source.reference}, {e.source.locator}",
            "cells": [cell.cell for cell in cells(e, settings)],
            "scale": e.scale,
        }
        for e in selected(settings)
    ]
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        print(f"{row['experiment']:16} {row['title']}\n{'':16} {row['source']}; cells: {', '.join(row['cells'])}")
    print("\nPublished networks, for 'pdebridge describe' and 'layout: published':")
    for name, layout in PUBLISHED.items():
        print(f"{name:32} {layout.source}")


def describe(options: Namespace) -> None:
    """Print one network's description, or build all of them and write their weight counts."""
    from pdebridge.networks.published import PUBLISHED
    from pdebridge.training.describe import describe_cell, describe_published, published_counts, weight_counts

    if options.published:
        write_measurements(options.out, {"measurements": published_counts(), "provenance": provenance()})
        return
    if options.resolved:
        every = [parse_cell(json.loads(text)) for text in options.resolved]
        write_measurements(options.out, {"measurements": weight_counts(every), "provenance": provenance()})
        return
    if not options.what:
        raise UserError("name an experiment/cell or a published network; 'pdebridge list' shows them")
    if options.what in PUBLISHED:
        description = describe_published(options.what)
    else:
        description = describe_cell(cell_of(options.what, settings_of(options, options.what.partition("/")[0])))
    print(json.dumps(description, indent=2) if options.json else yaml.safe_dump(description, sort_keys=False), end="\n")


def fetch(options: Namespace) -> None:
    """Bring one data set's files into the data folder."""
    from pdebridge.catalogue import SOURCES
    from pdebridge.datasets.fetch import fetch as fetch_files

    if options.dataset not in SOURCES:
        raise UserError(f"{options.dataset!r} is not downloaded; these are: {', '.join(sorted(SOURCES))}")
    folders = DataFolders.model_validate_json(options.data) if options.data else settings_of(options).data
    files = fetch_files(load(SOURCES[options.dataset]), folders.folder, folders.mirror)
    print(f"{options.dataset}: {len(files)} verified files in {folders.folder}", file=sys.stderr)
    if options.out:
        write_json(options.out, {"files": [str(path) for path in files]})


def train(options: Namespace) -> None:
    """Train all seeds of some cells, one cell after another, and write the measurements of each."""
    changes = [pair_of(change) for change in options.changes]
    options.set = [*options.set, *changes]
    settings = settings_of(options, (options.what or "").partition("/")[0])
    if options.resolved:
        wanted = [parse_cell(json.loads(text)) for text in options.resolved]
    elif options.what:
        wanted = [cell_of(options.what, settings)]
    else:
        raise UserError("name an experiment/cell; 'pdebridge list' shows them")
    from pdebridge.training.gpus import assigned

    tracking = Tracking.model_validate_json(options.tracking) if options.tracking else settings.tracking
    out = options.out or [default_out(cell, options.seed, changes) for cell in wanted]
    # before torch is imported; the workflow has set it to the rule's threads
    os.environ.setdefault("OMP_NUM_THREADS", str(settings.threads))
    with nullcontext() if options.collect else assigned(max(cell.devices for cell in wanted)):
        for cell, path in zip(wanted, out, strict=True):
            (collect_cell if options.collect else train_cell)(cell, tracking, path, options.seed)


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
    write_measurements(out, {"runs": [str(run) for run in runs], "measurements": measurements_of(cell, runs)})
    print(f"{cell.key}: {len(runs)} runs, see {out}", file=sys.stderr)


def measurements_of(cell: Cell, runs: list[Path]) -> list[dict[str, Any]]:
    """Return the runs' summaries as measurements, one a quantity."""
    summaries = [read_json(run / "summary.json") for run in runs]
    identity = {"experiment": cell.experiment, "cell": cell.cell, "runs": [str(run) for run in runs]}
    return [identity | {"quantity": name, "values": [s[name] for s in summaries]} for name in summaries[0]]


def runs_of(files: list[Path]) -> list[Path]:
    """Return the run directories that files of measurements name."""
    return [Path(run) for path in files for run in read_measurements(path)["runs"]]


def study(options: Namespace) -> None:
    """Run one study over the run directories of some cells, or for itself."""
    from dataclasses import asdict

    import numpy as np

    from pdebridge.catalogue import STUDIES

    start = time.perf_counter(), time.process_time()
    result = load(STUDIES[options.study])(runs_of(options.measurements), **json.loads(options.options))
    spent = {"seconds": time.perf_counter() - start[0], "cpu_seconds": time.process_time() - start[1]}
    owner = {} if options.measurements or not options.experiment else {"experiment": options.experiment}
    measurements = [asdict(m) | owner for m in result.measurements]
    facts = provenance() | {name: round(seconds, 1) for name, seconds in spent.items()}
    numbers, arrays = (options.out.with_name(options.out.name + suffix) for suffix in (".json", ".npz"))
    with whole(arrays) as path:
        np.savez_compressed(path, **result.arrays)
    write_measurements(numbers, {"measurements": measurements, "provenance": facts}, [arrays.name])


def figure(options: Namespace) -> None:
    """Draw one figure."""
    import numpy as np

    from pdebridge.catalogue import FIGURES
    from pdebridge.paper import curves, runs

    if options.figure == "run":
        for cell in options.inputs:
            curves.draw(runs_of([cell]), options.out / cell.stem)
            runs.page(runs_of([cell]), options.out / f"{cell.stem}.html")
    else:
        arrays = {name: array for path in options.inputs for name, array in np.load(path).items()}
        load(known(options.figure, FIGURES, "figure"))(arrays, options.out)


def table(options: Namespace) -> None:
    """Write the verdict table, the tables of our experiments and of the games, and the report's landing page."""
    from pdebridge.paper.beside import COMPACT, read_costs, verdict_table
    from pdebridge.paper.experiment_tables import all_quantities, of_experiment
    from pdebridge.paper.game_table import game_table
    from pdebridge.paper.landing import experiment_names, landing
    from pdebridge.paper.measurements import collect
    from pdebridge.paper.published import read_published, read_references
    from pdebridge.paper.tables import write_table

    found, scale, out = collect(options.measurements), options.scale, options.out
    interval = f"mean ± 95 % half-width over seeds, scale {scale}"
    verdicts = verdict_table(read_published(), {scale: found}, read_references(), read_costs())
    write_table(verdicts, out / "published", f"Published numbers beside ours, scale {scale}", COMPACT)
    write_table(game_table(found), out / "meanfield", f"Mean field games: weighted costs, {interval}")
    for name in experiment_names(found):
        write_table(of_experiment(found, name), out / "tables" / name, f"{name}: {interval}")
    with whole(out / "experiments.csv") as path:
        all_quantities({key: m for key, m in found.items() if key[0] != "weights"}).to_csv(path, index=False)
    write_json(out / "measurements.json", {"measurements": list(found.values())})
    with whole(out / "landing.rst") as path:
        path.write_text(landing(verdicts, found, scale), encoding="utf-8")


def regress(options: Namespace) -> int:
    """Compare with the reference, or become it; 1 if something got worse."""
    from pdebridge.paper.reference import judge, update

    if options.pages:
        from pdebridge.paper.pages import write

        write(options.results.resolve().parent)
        return 0
    if options.self_test:
        from pdebridge.paper.faults import self_test

        return self_test(options.results / "reference" / options.scale)
    if options.update:
        update(options.results, options.scale, options.experiments, getattr(options, "from"))
        return 0
    form = "json" if options.json else "markdown" if options.markdown else "text"
    told, status = judge(options.results, options.scale, options.partial, options.reference, form, options.exact)
    print(told)
    return status


def repeats(options: Namespace) -> None:
    """Train the cells of a finished run again, their initial weights moved by an ulp."""
    from pdebridge.training.repeats import repeat_all

    settings = settings_of(options)
    wanted = [cell for e in selected(settings) for cell in cells(e, settings)]
    names = options.experiments or sorted({cell.experiment for cell in wanted})
    repeat_all([c for c in wanted if c.experiment in names], options.results, options.repeats, options.jobs)


def report(options: Namespace) -> int:
    """Let Snakemake write its HTML report."""
    from pdebridge.paper.report import write_report

    settings = Settings.model_validate_json(options.settings) if options.settings else settings_of(options)
    return write_report(settings)


def bench(options: Namespace) -> None:
    """Print a benchmark's ratios, and write them as JSON if asked."""
    from pdebridge.catalogue import BENCHES

    measured = load(BENCHES[options.bench])()
    for name, ratio in measured["ratios"].items():
        print(f"{name:60} {ratio:.3f}")
    for name, value in measured["raw"].items():
        print(f"  {name:58} {value}")
    if options.json:
        write_json(options.json, measured)


def schema(options: Namespace) -> None:
    """Write the JSON schemas."""
    from pdebridge.configuration.schema import write

    write(options.out)


def doctor(options: Namespace) -> int:
    """Print what this machine can do; with a GPU, compare every gradient mode on it with the CPU."""
    import torch

    from pdebridge.doctor import Finding, examine

    findings = examine(settings_of(options))
    if torch.cuda.is_available():
        from pdebridge.bench.device import TOLERANCE, measure

        for mode, error in measure()["raw"]["relative difference"].items():
            text = f"{mode}: differs from the CPU by {error:.1e}, relative, float64 (at most {TOLERANCE:g})"
            findings.append(Finding("ok" if error < TOLERANCE else "bad", "self-test", text))
    for finding in findings:
        print(f"{finding.state:5} {finding.subject:12} {finding.text}")
    return int(any(finding.state == "bad" for finding in findings))
