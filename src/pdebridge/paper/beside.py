"""Published numbers beside ours: the table with verdicts, and its counts by kind and by reference."""

from typing import Any

import pandas as pd

from pdebridge.configuration.model import SCALES, Scale
from pdebridge.paper.evidence import Found, epochs, interval_of
from pdebridge.paper.published import EXACT, KINDS, PublishedNumber
from pdebridge.paper.tables import plain
from pdebridge.paper.verdict import VERDICTS, Interval, comparable, difference, verdict

COMPACT = [
    *("id", "source", "locator", "quantity", "unit", "published", "ours", "difference", "threshold", "n", "scale"),
    "verdict",
]
FULL = [
    *("id", "verdict", "published", "ours", "difference", "threshold", "unit", "n", "kind", "source", "locator"),
    *("quantity", "scale"),
]
"""The columns of the page that is searched: what decides is seen first."""


def run_pages(table: pd.DataFrame) -> list[str]:
    """Return the page of the runs behind every row, relative to the table; empty where nothing of ours was trained."""
    rows = zip(table["experiment"], table["cell"], table["runs"], strict=True)
    return [f"runs/{experiment}/{cell}.html" if runs else "" for experiment, cell, runs in rows]


def cost(number: PublishedNumber, costs: dict[str, str]) -> str:
    """Return the entry with the longest beginning that fits; empty if there is none."""
    fitting = [prefix for prefix in costs if number.id.startswith(prefix)]
    return costs[max(fitting, key=len)] if fitting else ""


def verdict_table(
    numbers: list[PublishedNumber],
    evidence: dict[Scale, Found],
    references: dict[str, dict[str, Any]],
    costs: dict[str, str] | None = None,
) -> pd.DataFrame:
    """Return one row a published number, in the order of kinds and the ones that were measured first.

    A number of ours stands beside a published one only where the run used the published setting; of several scales the
    one with most seeds, then the largest, is shown.
    """
    rows = [_row(number, evidence, references[number.reference], costs or {}) for number in numbers]
    table = pd.DataFrame(rows)
    order = sorted(range(len(rows)), key=lambda i: (KINDS.index(rows[i]["kind"]), rows[i]["ours"] == ""))
    return table.iloc[order].reset_index(drop=True)


def best(number: PublishedNumber, evidence: dict[Scale, Found]) -> tuple[Scale, dict[str, Any]] | None:
    """Return scale and measurement of the best run with the published setting; None if there is none."""
    key = (number.experiment, number.cell, number.quantity)
    runs = [
        (interval_of(found[key]).n, SCALES.index(scale), scale)
        for scale, found in evidence.items()
        if key in found and comparable(number, scale, epochs(found, key))
    ]
    if not runs:
        return None
    scale = max(runs)[2]
    return scale, evidence[scale][key]


def _row(
    number: PublishedNumber, evidence: dict[Scale, Found], reference: dict[str, Any], costs: dict[str, str]
) -> dict[str, Any]:
    found = best(number, evidence)
    scale, measurement = found or ("laptop", {})
    ours = interval_of(measurement) if measurement else None
    survey = f"[{reference['survey']}] " if reference.get("survey") else ""
    said = verdict(number, ours, measurement.get("values", []), scale)
    return {
        "id": number.id,
        "source": f"{survey}{number.reference}",
        "locator": number.locator,
        "kind": number.kind,
        "experiment": number.experiment,
        "cell": number.cell,
        "quantity": number.quantity,
        "unit": number.unit,
        "published": plain(number.value),
        **_ours(number, ours),
        "verdict": said,
        "cost": cost(number, costs) if said == "not run" else "",
        "status": number.status,
        "threshold": plain(number.threshold),
        "scale": scale if ours else "",
        "runs": " ".join(measurement.get("runs", [])),
        "note": number.note,
    }


def _ours(number: PublishedNumber, ours: Interval | None) -> dict[str, str]:
    """Return our number and its difference to the published one, with the intervals of both for measured kinds."""
    if ours is None:
        return {"ours": "", "95 % interval": "", "difference": "", "n": ""}
    gap = difference(number, ours)
    shown = {"ours": plain(ours.mean), "95 % interval": "", "difference": plain(gap.value), "n": str(ours.n)}
    if number.kind not in EXACT:
        shown["difference"] += f" ± {gap.half_width:.2g}" if gap.half_width < float("inf") else " ± ?"
        if ours.n > 1:
            shown["95 % interval"] = f"{ours.low:.4g} to {ours.high:.4g}"
    return shown


def counts(table: pd.DataFrame, by: str = "kind") -> pd.DataFrame:
    """Return how many rows have which verdict, a row a kind or a source, in the order of the table."""
    found = pd.crosstab(table[by], table["verdict"]).reindex(columns=list(VERDICTS), fill_value=0)
    found = found.reindex(list(dict.fromkeys(table[by])))
    found.insert(0, "rows", found.sum(axis=1))
    return found.rename_axis(None, axis=1).reset_index()


def published(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that somebody printed, or that follow from what was printed."""
    return table[table["kind"] != "own"]


def headline(table: pd.DataFrame) -> str:
    """Return the counts in a sentence, the kinds apart, measured numbers first."""
    parts = []
    for kind, rows in published(table).groupby("kind", sort=False):
        said = rows["verdict"].value_counts()
        words = ", ".join(f"{said[word]} {word}" for word in VERDICTS if word in said)
        parts.append(f"{len(rows)} {NAMES[str(kind)]}: {words}")
    return "; ".join(parts)


NAMES = {"measured": "measured", "count": "counts", "closed-form": "closed forms", "claim": "claims"}
