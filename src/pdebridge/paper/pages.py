"""Every page that holds numbers of the store, written from it: nobody types one.

``RESULTS.md``, the counts in ``README.md``, ``docs/claims.md`` and ``results/reference/*.md`` are functions of
``results/reference/<scale>``, ``config/published.csv`` and ``config/claims.yaml``. The prose of a
reference page is a Jinja template in ``docs/evidence``, which may call

- ``table(experiment, columns, cells)``: a row a cell; ``columns`` maps headings to quantities;
- ``value(experiment, cell, quantity, digits)``: the mean over seeds;
- ``mean(experiment, cell, quantity)``: mean and half-width of its 95 % interval;
- ``facts(experiment, cells)``: commit, versions, machine;

each with ``scale`` (`workstation`), ``factor`` (1) and, for tables, ``per`` (`cell`, or `seed` for a row a seed).
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, StrictUndefined

from pdebridge.files import whole
from pdebridge.paper import operating
from pdebridge.paper.beside import COMPACT, counts, headline, published, verdict_table
from pdebridge.paper.certificates import certified_table, tally
from pdebridge.paper.claim_verdicts import claim_table
from pdebridge.paper.claims import CLAIMS, read_claims
from pdebridge.paper.claims_page import docs_page
from pdebridge.paper.evidence import REFERENCE, Evidence, interval_of, read_all
from pdebridge.paper.experiment_tables import HEADINGS, of_experiment
from pdebridge.paper.landing import CERTIFIED, WORDS, experiment_names
from pdebridge.paper.published import read_costs, read_published, read_references
from pdebridge.paper.tables import markdown, mean_of, plain

TEMPLATES = Path("docs/evidence")
BEGIN, END = "<!-- counts: generated -->", "<!-- counts: end -->"


def documents(root: Path) -> dict[Path, str]:
    """Return the generated pages of a checkout by their paths in it."""
    evidence = read_all(root / REFERENCE)
    table = _table(root, evidence)
    pages = {
        Path("RESULTS.md"): results_page(table, evidence),
        Path("README.md"): readme((root / "README.md").read_text(encoding="utf-8"), table),
        Path("docs/claims.md"): docs_page(_claims(root, evidence)),
        REFERENCE / "verdicts.md": operating.page(),
    }
    for template in sorted((root / TEMPLATES).glob("*.md")):
        pages[REFERENCE / template.name] = rendered(template.read_text(encoding="utf-8"), evidence)
    return pages


def write(root: Path) -> None:
    """Write the generated pages."""
    for name, text in documents(root).items():
        with whole(root / name) as path:
            path.write_text(text, encoding="utf-8")


def _table(root: Path, evidence: dict[str, Evidence]) -> pd.DataFrame:
    found: Any = {scale: one.measurements for scale, one in evidence.items()}
    numbers, references = (
        read_published(root / "config/published.csv"),
        read_references(root / "config/references.yaml"),
    )
    return verdict_table(numbers, found, references, read_costs(root / "config/costs.yaml"))


def _claims(root: Path, evidence: dict[str, Evidence]) -> pd.DataFrame:
    found: Any = {scale: one.measurements for scale, one in evidence.items()}
    return claim_table(read_claims(root / CLAIMS), found, read_references(root / "config/references.yaml"))


def results_page(table: pd.DataFrame, evidence: dict[str, Evidence]) -> str:
    """Return RESULTS.md: counts by kind and reference, published beside the best of ours, our experiments."""
    printed, own = published(table), table[table["kind"] == "own"]
    measured = printed[printed["kind"] == "measured"]
    laptop = evidence.get("laptop", Evidence())
    sections: dict[str, Any] = {
        "By kind": counts(printed),
        "Measured numbers, by reference": counts(measured, "source"),
        "Other kinds, by reference": counts(printed[printed["kind"] != "measured"], "source"),
        "Measured numbers beside ours": _shown(measured),
        "Counts, closed forms and claims beside ours": _shown(printed[printed["kind"] != "measured"]),
        "Measured numbers that were not run, and what it would take": _missing(measured),
        "Checks of ourselves: computed by this project, printed nowhere": _shown(own),
    }
    lines = ["# Results", "", "Generated from `results/reference` by `pdebridge regress --update`. Do not edit.", ""]
    lines += [f"{len(printed)} published numbers. {headline(table)}.", "", WORDS]
    lines += ["Of several scales the run with the published setting and most seeds is shown.", "", *_origins(evidence)]
    for title, frame in sections.items():
        lines += [f"## {title}", "", markdown(frame) if len(frame) else "None.\n"]
    lines += [f"## {CERTIFIED}", "", *_certified(evidence)]
    lines += ["## Our experiments at scale laptop, mean and 95 % interval over seeds", ""]
    for name in experiment_names(laptop.measurements):
        lines += [f"### {name}", "", markdown(of_experiment(laptop.measurements, name))]
    return "\n".join(lines)


def _certified(evidence: dict[str, Evidence]) -> list[str]:
    """Return the games of every scale but that of tests, what is proved of each, and how many are of each kind."""
    shown = {scale: certified_table(one.measurements) for scale, one in evidence.items() if scale != "test"}
    tables = [table.assign(scale=scale) for scale, table in shown.items() if len(table)]
    return [f"{tally(tables)}.", "", markdown(pd.concat(tables))] if tables else ["None.", ""]


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    return table.loc[table["ours"] != "", COMPACT]


def _missing(table: pd.DataFrame) -> pd.DataFrame:
    """Return the numbers that were not run, those of one source and one cost together."""
    missing = table[table["verdict"] == "not run"]
    groups = missing.groupby(["source", "cost"], sort=False).size()
    return groups.rename("rows").reset_index()[["source", "rows", "cost"]]


def _origins(evidence: dict[str, Evidence]) -> list[str]:
    lines = []
    for scale, one in evidence.items():
        commits = sorted({_commit(facts) for facts in one.provenance.values()})
        lines.append(f"- `{scale}`: {len(one.experiments())} experiments, commits {', '.join(commits)}")
    return [*lines, ""]


def _commit(facts: dict[str, Any]) -> str:
    return f"{str(facts.get('commit'))[:7]}{' with changes' if facts.get('dirty') else ''}"


def readme(text: str, table: pd.DataFrame) -> str:
    """Return README with its counts by kind and by reference."""
    measured = table[table["kind"] == "measured"]
    run = measured[~measured["verdict"].isin(["not run", "source unconfirmed"])]
    block = [BEGIN, f"{headline(table)}.", "", markdown(counts(published(table)))]
    block += ["Measured numbers that were run, by reference:", "", markdown(counts(run, "source")) if len(run) else ""]
    return re.sub(f"{BEGIN}.*{END}", lambda _: "\n".join([*block, END]), text, flags=re.DOTALL)


def rendered(template: str, evidence: dict[str, Evidence]) -> str:
    """Return a reference page."""
    page = Numbers(evidence)
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
    names = {name: getattr(page, name) for name in ("table", "value", "mean", "facts")}
    note = "<!-- Generated from the files beside this page; its prose is in docs/evidence. -->\n"
    return note + environment.from_string(template).render(**names)


class Numbers:
    """What a template may ask of the store.

    Args:
        evidence: by scale.
    """

    def __init__(self, evidence: dict[str, Evidence]) -> None:
        self.evidence = evidence

    def _measurement(self, scale: str, key: tuple[str, str, str]) -> dict[str, Any]:
        return self.evidence[scale].measurements[key]

    def value(
        self,
        experiment: str,
        cell: str,
        quantity: str,
        digits: int | None = None,
        scale: str = "workstation",
        factor: float = 1,
    ) -> str:
        """Return the mean over seeds, rounded to ``digits`` after the point."""
        mean = factor * interval_of(self._measurement(scale, (experiment, cell, quantity))).mean
        return plain(mean) if digits is None else f"{mean:,.{digits}f}"

    def mean(self, experiment: str, cell: str, quantity: str, scale: str = "workstation", factor: float = 1) -> str:
        """Return mean and half-width of the 95 % interval over seeds."""
        return _scaled(self._measurement(scale, (experiment, cell, quantity)), factor)

    def table(
        self,
        experiment: str,
        columns: dict[str, str],
        cells: Iterable[str] = (),
        scale: str = "workstation",
        per: str = "cell",
        factors: dict[str, float] | None = None,
    ) -> str:
        """Return a Markdown table, a row a cell or, of one cell, a row a seed."""
        found = self.evidence[scale].of(experiment).measurements
        shown = list(cells) or list(dict.fromkeys(key[1] for key in found))
        rows = [
            {per: f"`{name}`" if per == "cell" else name}
            | {
                heading: _scaled(m, (factors or {}).get(quantity, HEADINGS.get(quantity, ("", 1))[1]))
                for heading, quantity in columns.items()
                for m in [mine.get((experiment, cell, quantity), {})]
            }
            for cell in shown
            for name, mine in _rows(found, experiment, cell, per)
        ]
        return markdown(pd.DataFrame(rows)).rstrip("\n")

    def facts(self, experiment: str, cells: Iterable[str] = (), scale: str = "workstation") -> str:
        """Return commit, versions and machine of some cells in words."""
        origin = self.evidence[scale].provenance
        wanted = [origin[experiment, cell] for cell in cells] or [
            f for key, f in origin.items() if key[0] == experiment
        ]
        return "; ".join(dict.fromkeys(map(_in_words, wanted)))


def _rows(found: dict[Any, Any], experiment: str, cell: str, per: str) -> list[tuple[str, dict[Any, Any]]]:
    """Return a cell's measurements, or one seed's after the other."""
    if per == "cell":
        return [(cell, found)]
    mine = {key: m for key, m in found.items() if key[:2] == (experiment, cell)}
    seeds = max(len(m["values"]) for m in mine.values())
    return [
        (str(i), {key: m | {"values": m["values"][i : i + 1]} for key, m in mine.items() if len(m["values"]) > i})
        for i in range(seeds)
    ]


def _scaled(measurement: dict[str, Any], factor: float) -> str:
    if not measurement:
        return ""
    if "summary" in measurement or factor == 1:
        return mean_of(interval_of(measurement))
    return mean_of(interval_of({"values": [factor * value for value in measurement["values"]]}))


def _in_words(facts: dict[str, Any]) -> str:
    versions = facts.get("versions", {})
    machine, arithmetic = facts.get("hardware", {}), facts.get("arithmetic", {})
    threads = arithmetic.get("threads", machine.get("threads", 1))
    state = " with changes" if facts.get("dirty") else ", clean"
    parts = [f"commit {str(facts.get('commit'))[:7]}{state}"]
    parts += [f"Python {versions['python']}, torch {versions['torch']}"] if versions else []
    parts += [f"{machine['processor']}, {threads} thread{'s' * (threads > 1)}"] if machine else []
    parts += [arithmetic["gpu"]] if "gpu" in arithmetic else []
    if earlier := facts.get("earlier"):
        parts.append(f"its first {earlier['epochs']} epochs: {_in_words(earlier | {'commit': facts['commit']})}")
    return "; ".join([*parts, *([facts["note"]] if facts.get("note") else [])])
