"""``results/reference``: the run that later ones are compared with, committed with its provenance."""

import sys
from pathlib import Path

import pandas as pd

from pdebridge.errors import UserError
from pdebridge.files import read_json, whole, write_json
from pdebridge.paper.landing import results_page
from pdebridge.paper.measurements import collect
from pdebridge.paper.regression import LEVEL, Finding, compare, compare_verdicts
from pdebridge.provenance import commit, hardware, versions


def _paper(results: Path, scale: str) -> Path:
    folder = results / scale / "paper"
    if not (folder / "measurements.json").is_file():
        raise UserError(
            f"{folder}: no finished run of scale {scale}; run: snakemake --cores all --config scale={scale}"
        )
    return folder


def _verdicts(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "published.csv", dtype=str, keep_default_na=False)


def update(results: Path, scale: str) -> None:
    """Make the finished run of a scale its reference, and write RESULTS.md beside the results from the laptop run."""
    folder = _paper(results, scale)
    table = _verdicts(folder)
    provenance = {**commit(), "versions": versions(), "hardware": hardware()}
    judged, found = table[table["ours"] != ""], collect([folder / "measurements.json"])
    write_json(
        results / "reference" / f"{scale}.json",
        {
            "scale": scale,
            **provenance,
            "verdicts": dict(zip(judged["id"], judged["verdict"], strict=True)),
            "measurements": [{**m, "runs": []} for m in found.values() if "seconds" not in m["quantity"]],
        },
    )
    if scale == "laptop":
        with whole(results.parent / "RESULTS.md") as path:
            path.write_text(results_page(table, found, scale, hardware()), encoding="utf-8")


def judge(results: Path, scale: str, partial: bool) -> int:
    """Print what differs from the reference and return 1 if something got worse, else 0."""
    folder = _paper(results, scale)
    path = results / "reference" / f"{scale}.json"
    if not path.is_file():
        raise UserError(
            f"{path}: no reference of scale {scale} yet; make one: pdebridge regress --scale {scale} --update"
        )
    reference = read_json(path)
    table = _verdicts(folder)
    findings = compare(collect([folder / "measurements.json"]), collect([path]), only_shared=partial)
    findings += compare_verdicts(dict(zip(table["id"], table["verdict"], strict=True)), reference["verdicts"])
    return _print(findings, str(reference["commit"])[:10])


def _print(findings: list[Finding], against: str) -> int:
    bad = [finding for finding in findings if finding.problem]
    for finding in bad:
        print(
            f"{finding.problem}: {finding.what}: {finding.before} -> {finding.now} (p = {finding.p:.2g})",
            file=sys.stderr,
        )
    print(
        f"{len(findings)} comparisons with the reference of commit {against} at level {LEVEL:g}: {len(bad)} got worse"
    )
    return 1 if bad else 0
