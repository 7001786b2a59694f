"""``results/reference``: what later runs are compared with, taken in and judged."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from pdebridge.errors import UserError
from pdebridge.paper import evidence as store
from pdebridge.paper import gather, pages
from pdebridge.paper.beside import verdict_table
from pdebridge.paper.evidence import Evidence
from pdebridge.paper.published import EXACT, read_published, read_references
from pdebridge.paper.regression import LEVELS, Comparison, Finding, compare
from pdebridge.paper.tables import markdown


def update(results: Path, scale: str, experiments: list[str], folder: Path | None) -> None:
    """Take a finished run, or run directories under ``folder``, into the store, and write the pages anew.

    Args:
        results: the folder of results; the store is its ``reference``.
        scale: whose run is taken; run directories name their own.
        experiments: only these; all, and no others are kept, if empty.
        folder: run directories that another checkout trained; nothing is removed then.
    """
    taken = gather.of_folder(folder) if folder else {scale: gather.of_run(results / scale)}
    for name, found in taken.items():
        _take(results / "reference" / name, found, experiments, keep=folder is not None)
    gather.histories(folder or results / scale / "runs", results / "reference") if folder or scale != "test" else []
    root = results.parent
    if (root / "config").is_dir() and (root / pages.TEMPLATES).is_dir():
        pages.write(root)


def _take(target: Path, found: Evidence, experiments: list[str], keep: bool) -> None:
    missing = [name for name in experiments if name not in found.experiments()]
    if missing:
        raise UserError(
            f"{target.name}: no finished run of {', '.join(missing)}; there are: {', '.join(found.experiments())}"
        )
    old = store.read(target)
    for name in experiments or found.experiments():
        merged = old.of(name) if keep else Evidence()
        merged.update(_with_old_repeats(found.of(name), old))
        store.write(merged, target)
    if not experiments and not keep:
        for name in set(old.experiments()) - set(found.experiments()):
            for suffix in (".csv", ".json", ".repeats.csv"):
                (target / f"{name}{suffix}").unlink(missing_ok=True)


def _with_old_repeats(found: Evidence, old: Evidence) -> Evidence:
    """Keep the repeats of cells whose values are bit for bit the old ones and that bring none."""
    for key, draws in old.repeats.items():
        same = key in found.measurements and found.measurements[key]["values"] == old.measurements[key]["values"]
        if same and key not in found.repeats:
            found.repeats[key] = draws
    return found


def regression(now: Evidence, reference: Evidence, scale: str, partial: bool) -> Comparison:
    """Compare two runs of a scale: numbers, then verdicts on exact kinds; those on measured ones follow the numbers."""
    found = compare(now, reference, partial)
    found.findings += _lost(now, reference, scale)
    return found


def _lost(now: Evidence, reference: Evidence, scale: str) -> list[Finding]:
    exact = [number for number in read_published() if number.kind in EXACT]
    tables = [_said(exact, evidence, scale) for evidence in (reference, now)]
    both = tables[0].add_suffix(" before").join(tables[1].add_suffix(" now"))
    lost = both[(both["verdict before"] == "reproduced") & (both["verdict now"] == "worse")]
    return [Finding(str(name), "verdict", "reproduced", "worse", "verdict lost") for name in lost.index]


def _said(numbers: list[Any], evidence: Evidence, scale: str) -> pd.DataFrame:
    found: Any = {scale: evidence.measurements}
    return verdict_table(numbers, found, read_references()).set_index("id")[["verdict"]]


def judge(results: Path, scale: str, partial: bool, against: str | None, exact: bool) -> tuple[Comparison, int]:
    """Compare a finished run with the reference.

    Args:
        results: the folder of results.
        scale: of the run.
        partial: do not mind what was not run.
        against: another reference: a run's folder, a folder of the store, a file, a commit.
        exact: what moved under the reference's arithmetic is a fault too.

    Returns:
        What was found, and the exit status, 1 if there is a fault.
    """
    now = gather.of_run(results / scale)
    target = results / "reference"
    reference = gather.evidence_of(against, scale, target) if against else store.read(target / scale)
    if not reference.measurements:
        raise UserError(
            f"{target / scale}: no reference of scale {scale} yet; make one: pdebridge regress --scale {scale} --update"
        )
    found = regression(now, reference, scale, partial)
    return found, int(bool(found.faults) or (exact and bool(found.unexpected)))


def in_text(found: Comparison) -> str:
    """Return a comparison in lines: faults, news, what moved."""
    lines = [f"{f.problem}: {_line(f)}" for f in found.faults]
    lines += [f"news, {f.news}: {_line(f)}" for f in found.findings if f.news]
    lines += [f"moved: {line}" for line in _moved(found)]
    lines += [f"not tested: {what}: {why}" for what, why in found.untested.items()]
    return "\n".join([*lines, summary(found)])


def _line(f: Finding) -> str:
    what = f"{f.cell}/{f.quantity}: {f.before} -> {f.now}" if f.before else f"{f.cell}/{f.quantity}: {f.now}"
    return f"{what} (p = {f.p:.2g})" if f.p == f.p else what


def _moved(found: Comparison) -> list[str]:
    unexpected = found.unexpected
    order = sorted(found.moved, key=lambda cell: cell not in unexpected)
    return [
        f"{cell}, {len(found.moved[cell])} quantities"
        + (", although its arithmetic is the reference's" if cell in unexpected else "")
        for cell in order
    ]


def summary(found: Comparison) -> str:
    """Return the last line of a report."""
    moved = sum(map(len, found.moved.values()))
    return (
        f"{found.equal} quantities are bit for bit those of the reference, {moved} in {len(found.moved)} cells moved"
        f" ({len(found.unexpected)} cells unexpectedly); family-wise level {sum(LEVELS.values()):g}:"
        f" {len(found.faults)} got worse"
    )


def in_markdown(found: Comparison) -> str:
    """Return a comparison as Markdown, for the summary of a job."""
    parts = [f"**{summary(found)}**\n"]
    for title, findings in (
        ("Faults", found.faults),
        ("News", [finding for finding in found.findings if finding.news]),
    ):
        if findings:
            rows = [
                {
                    "": f.problem or f.news,
                    "cell": f.cell,
                    "quantity": f.quantity,
                    "reference": f.before,
                    "now": f.now,
                    "p": f"{f.p:.2g}" if f.p == f.p else "",
                }
                for f in findings
            ]
            parts.append(f"### {title}\n\n{markdown(pd.DataFrame(rows))}")
    moved = "".join(f"- {line}\n" for line in _moved(found))
    return "\n".join([*parts, *([f"### Moved\n\n{moved}"] if moved else [])])


def in_commands(found: Comparison) -> str:
    """Return the faults as GitHub's workflow commands, an ``::error`` a cell, which a reviewer sees beside the job."""
    cells: dict[str, list[Finding]] = {}
    for fault in found.faults:
        cells.setdefault(fault.cell, []).append(fault)
    told = {
        cell: "\n".join(f"{f.problem}: {f.quantity}: {f.before or 'reference'} -> {f.now or 'nothing'}" for f in faults)
        for cell, faults in cells.items()
    }
    return "".join(f"::error title={_escaped(cell, ':,')}::{_escaped(text)}\n" for cell, text in told.items())


def _escaped(text: str, more: str = "") -> str:
    for sign in "%\r\n" + more:
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text


def in_json(found: Comparison) -> str:
    """Return a comparison as JSON."""
    content = {
        "faults": [asdict(f) for f in found.faults],
        "news": [asdict(f) for f in found.findings if f.news],
        "equal": found.equal,
        "moved": found.moved,
        "unexpected": found.unexpected,
        "untested": found.untested,
    }
    return json.dumps(content, indent=2)
