"""What each verb does; every heavy import is inside the verb that needs it."""

import functools
import json
import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import yaml

from pdebridge.cli.settings import cell_of, mapping, resolved, section, settings_of
from pdebridge.configuration.load import cells, read_experiment, selected
from pdebridge.configuration.model import Named
from pdebridge.configuration.settings import DataFolders, Settings
from pdebridge.cube import load
from pdebridge.errors import UserError
from pdebridge.files import whole, writable, write_json
from pdebridge.plan import check_options_of, plan
from pdebridge.provenance import provenance
from pdebridge.records import check, read_arrays, read_together, write_measurements


def ends_with_its_reader(verb: Callable[[Namespace], None]) -> Callable[[Namespace], None]:
    """Let a verb end quietly when its reader has seen enough, as in ``pdebridge list | head``: nothing else is lost."""

    @functools.wraps(verb)
    def quiet(options: Namespace) -> None:
        try:
            verb(options)
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    return quiet


@ends_with_its_reader
def list_experiments(options: Namespace) -> None:
    """Print the experiments of the scale with their cells and sources."""
    from pdebridge.networks.published import PUBLISHED

    planned = plan(settings_of(options))
    rows = [
        {
            "experiment": e.name,
            "title": e.title,
            "source": f"{e.source.reference}, {e.source.locator}",
            "cells": [cell.cell for cell in planned.cells.values() if cell.experiment == e.name],
            "scale": e.scale,
        }
        for e in planned.experiments.values()
    ]
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        print(f"{row['experiment']:16} {row['title']}\n{'':16} {row['source']}; cells: {', '.join(row['cells'])}")
    print("\nPublished networks, for 'pdebridge describe' and 'layout: published':")
    for name, layout in PUBLISHED.items():
        print(f"{name:32} {layout.source}")


@ends_with_its_reader
def describe(options: Namespace) -> None:
    """Print one network's description, or build all of them and write their weight counts."""
    from pdebridge.networks.published import PUBLISHED
    from pdebridge.training.describe import describe_cell, describe_published, published_counts, weight_counts
    from pdebridge.training.fingerprint import decisive

    if options.published:
        write_measurements(options.out, {"measurements": published_counts(), "provenance": provenance()})
        return
    if options.resolved:
        cells = resolved(options.resolved)
        decided = {cell.key: json.loads(decisive(cell)) for cell in cells}
        content = {"cells": decided, "measurements": weight_counts(cells), "provenance": provenance()}
        write_measurements(options.out, content)
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
    folders = section(DataFolders, options.data, "--data") if options.data else settings_of(options).data
    files = fetch_files(load(SOURCES[options.dataset]), folders.folder, folders.mirror)
    if options.out:
        write_json(options.out, {"files": [str(path) for path in files]})
    print(f"{options.dataset}: {len(files)} verified files in {folders.folder}", file=sys.stderr)


def runs_of(files: list[Path]) -> list[Path]:
    """Return the run directories that files of measurements name."""
    return [Path(run) for content in read_together(files) for run in content.get("runs", ())]


def study(options: Namespace) -> None:
    """Run one study over the run directories of some cells, or for itself."""
    from dataclasses import asdict

    import numpy as np

    from pdebridge.catalogue import STUDIES

    named = Named(name=options.study, options=mapping(options.options, "--options"))
    check_options_of("study", named, "--options")
    writable(options.out)
    runs = runs_of(options.measurements)
    for run in runs:
        check(run)
    start = time.perf_counter(), time.process_time()
    result = load(STUDIES[options.study])(runs, **named.options)
    if not result.measurements and not (runs and result.arrays):
        raise UserError(f"{options.study} measured nothing; name the files of the cells that it studies")
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
    from pdebridge.catalogue import DRAWN_FROM, FIGURES
    from pdebridge.paper import curves, runs

    if options.figure == "run":
        for cell in options.inputs:
            curves.draw(runs_of([cell]), options.out / cell.stem)
            runs.page(runs_of([cell]), options.out / f"{cell.stem}.html")
    else:
        if options.figure not in FIGURES:
            raise UserError(f"no figure {options.figure!r}; there are: run, {', '.join(FIGURES)}")
        writable(options.out)
        arrays = {name: array for path in options.inputs for name, array in read_arrays(path).items()}
        try:
            load(FIGURES[options.figure])(arrays, options.out)
        except (KeyError, ValueError, StopIteration) as error:
            drawn = f"{options.figure} is drawn from the study {DRAWN_FROM[options.figure]}"
            names = ", ".join(map(str, options.inputs))
            raise UserError(f"{names}: {drawn}, and cannot be drawn from this ({error})") from error


def table(options: Namespace) -> None:
    """Write the verdict table, the tables of our experiments and of the games, and the report's landing page."""
    from pdebridge.paper.beside import COMPACT, FULL, run_pages, verdict_table
    from pdebridge.paper.claim_verdicts import claim_table
    from pdebridge.paper.claims import read_claims
    from pdebridge.paper.claims_page import report_page
    from pdebridge.paper.experiment_tables import all_quantities, of_experiment
    from pdebridge.paper.game_table import game_table
    from pdebridge.paper.interactive import searchable
    from pdebridge.paper.landing import experiment_names, landing, summary
    from pdebridge.paper.measurements import collect
    from pdebridge.paper.published import check_quantities, read_costs, read_published, read_references
    from pdebridge.paper.tables import html, write_table

    writable(options.out / "published.csv")
    found, scale, out = collect(options.measurements), options.scale, options.out
    numbers = read_published()
    check_quantities(numbers, found)
    interval = f"mean ± 95 % half-width over seeds, scale {scale}"
    verdicts = verdict_table(numbers, {scale: found}, read_references(), read_costs())
    title = f"Published numbers beside ours, scale {scale}"
    page = searchable(verdicts[FULL], title, {"id": run_pages(verdicts)})
    write_table(verdicts, out / "published", title, COMPACT, page)
    claimed = claim_table(read_claims(), {scale: found}, read_references())
    title = f"Claims of the survey and its references, scale {scale}"
    page = report_page(claimed, title, experiment_names(found))
    write_table(claimed, out / "claims", title, ["claim", "verdict", "found", "wanted"], page)
    write_table(game_table(found), out / "meanfield", f"Mean field games: weighted costs, {interval}")
    for name in experiment_names(found):
        write_table(of_experiment(found, name), out / "tables" / name, f"{name}: {interval}")
    with whole(out / "experiments.csv") as path:
        all_quantities({key: m for key, m in found.items() if key[0] != "weights"}).to_csv(path, index=False)
    write_json(out / "measurements.json", {"measurements": list(found.values())})
    with whole(out / "landing.rst") as path:
        path.write_text(landing(verdicts, claimed, scale), encoding="utf-8")
    with whole(out / "summary.html") as path:
        path.write_text(html(summary(verdicts, found), f"Summary, scale {scale}"), encoding="utf-8")


def regress(options: Namespace) -> int:
    """Compare with the reference, or become it; 1 if something got worse."""
    from pdebridge.paper import reference

    if options.pages:
        from pdebridge.paper.pages import write

        write(options.results.resolve().parent)
        return 0
    if options.self_test:
        from pdebridge.paper.faults import self_test

        return self_test(options.results / "reference" / options.scale)
    if options.update:
        reference.update(options.results, options.scale, options.experiments, getattr(options, "from"))
        return 0
    found, status = reference.judge(options.results, options.scale, options.partial, options.reference, options.exact)
    if options.github:
        print(reference.in_commands(found), end="")
        with Path(os.environ.get("GITHUB_STEP_SUMMARY") or os.devnull).open("a", encoding="utf-8") as page:
            page.write(f"## Scale {options.scale} beside its reference\n\n{reference.in_markdown(found)}\n")
    form = reference.in_json if options.json else reference.in_markdown if options.markdown else reference.in_text
    print(form(found))
    return status


def repeats(options: Namespace) -> None:
    """Train the cells of a finished run again, their initial weights moved by an ulp."""
    from pdebridge.training.repeats import repeat_all

    settings = settings_of(options)
    wanted = [cell for e in selected(settings) for cell in cells(e, settings)]
    names = options.experiments or sorted({cell.experiment for cell in wanted})
    for name in names:
        if name not in {cell.experiment for cell in wanted}:
            read_experiment(name)
            raise UserError(f"{name}: trains nothing at scale {settings.scale}")
    if min(options.repeats, options.jobs) < 1:
        raise UserError("--repeats and --jobs must be at least 1")
    repeat_all([c for c in wanted if c.experiment in names], options.results, options.repeats, options.jobs)


def report(options: Namespace) -> int:
    """Let Snakemake write its HTML report; tell W&B of the workflow's figures and verdicts."""
    from pdebridge.paper.report import check_finished, write_report
    from pdebridge.publish import tell, workflow_run
    from pdebridge.training.tracking import address

    settings = section(Settings, options.settings, "--settings") if options.settings else settings_of(options)
    check_finished(settings.scale)
    with workflow_run(settings) as run:
        status = write_report(settings, address(run) if run else None)
        if run and not status:
            tell(run, settings)
    return status


def bench(options: Namespace) -> None:
    """Print a benchmark's ratios, and write them as JSON if asked."""
    from pdebridge.catalogue import BENCHES

    if options.json:
        writable(options.json)
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
