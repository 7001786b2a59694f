"""The papers' tables: each is written as CSV, Markdown, LaTeX and styled HTML."""

import math
from pathlib import Path
from typing import Any

import pandas as pd

from pdebridge.configuration.model import Scale
from pdebridge.files import whole
from pdebridge.paper.measurements import Key
from pdebridge.paper.published import EXACT, PublishedNumber
from pdebridge.paper.verdict import Verdict, comparable, interval, verdict

COLOURS: dict[Verdict, str] = {
    "reproduced": "#d9ead3",
    "better": "#d0e4f5",
    "worse": "#f9d9c9",
    "differs": "#f9d9c9",
    "too few seeds": "#fff2cc",
    "not run at this scale": "#f3f3f3",
    "source unconfirmed": "#eeeeee",
}
COMPACT = ["id", "source", "locator", "quantity", "unit", "published", "ours", "95 % interval", "n", "verdict"]


def verdict_table(
    numbers: list[PublishedNumber],
    found: dict[Key, dict[str, Any]],
    references: dict[str, dict[str, Any]],
    scale: Scale,
) -> pd.DataFrame:
    """Return one row a published number, the ones that were measured first, with verdict, source and runs.

    A number of ours stands beside a published one only where the run used the published setting.
    """
    rows = [_verdict_row(number, found, references[number.reference], scale) for number in numbers]
    measured = [row for row in rows if row["ours"] != ""]
    return pd.DataFrame(measured + [row for row in rows if row["ours"] == ""])


def _verdict_row(
    number: PublishedNumber, found: dict[Key, dict[str, Any]], reference: dict[str, Any], scale: Scale
) -> dict[str, Any]:
    measurement = found.get((number.experiment, number.cell, number.quantity), {})
    values = measurement.get("values") if comparable(number, scale) else None
    survey = f"[{reference['survey']}] " if reference.get("survey") else ""
    return {
        "id": number.id,
        "source": f"{survey}{number.reference}",
        "locator": number.locator,
        "experiment": number.experiment,
        "cell": number.cell,
        "quantity": number.quantity,
        "unit": number.unit,
        "published": plain(number.value),
        **_ours(values, number.kind in EXACT),
        "verdict": verdict(number, values, scale),
        "status": number.status,
        "threshold": plain(number.threshold),
        "scale": scale if values else "",
        "runs": " ".join(measurement.get("runs", [])) if values else "",
        "note": number.note,
    }


def _ours(values: list[float] | None, exact: bool) -> dict[str, str]:
    if not values:
        return {"ours": "", "95 % interval": "", "95 % prediction": "", "n": ""}
    ours = interval(values)
    shown = {"ours": plain(ours.mean), "95 % interval": "", "95 % prediction": "", "n": str(ours.n)}
    if not exact and ours.n > 1:
        shown["95 % interval"] = f"{ours.low:.4g} to {ours.high:.4g}"
        shown["95 % prediction"] = f"{ours.prediction_low:.4g} to {ours.prediction_high:.4g}"
    return shown


def plain(value: float) -> str:
    """Return a number without trailing zeros, counts in full."""
    if math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.6g}"


def mean_and_half_width(values: list[float]) -> str:
    """Return ``mean ± half-width`` of the 95 % interval, both to the digits that the half-width supports.

    Numbers that would begin with many zeros are in scientific notation.
    """
    ours = interval(values)
    half = ours.high - ours.mean
    if len(values) < 2 or half == 0:
        return plain(ours.mean)
    digits = max(0, 1 - math.floor(math.log10(half)))
    if max(abs(ours.mean), half) < 1e-3:
        return f"{ours.mean:.1e} ± {half:.1e}"
    return f"{ours.mean:.{digits}f} ± {half:.{digits}f}"


def write_table(frame: pd.DataFrame, stem: Path, caption: str, columns: list[str] | None = None) -> None:
    """Write ``stem.csv`` with every column, and ``.md``, ``.tex``, ``.html`` with ``columns``."""
    shown = frame[columns] if columns else frame
    with whole(stem.with_suffix(".csv")) as path:
        frame.to_csv(path, index=False)
    for suffix, text in ((".md", markdown(shown)), (".tex", latex(shown, caption)), (".html", html(shown, caption))):
        with whole(stem.with_suffix(suffix)) as path:
            path.write_text(text, encoding="utf-8")


def markdown(frame: pd.DataFrame) -> str:
    """Return a frame as a Markdown table."""
    lines = [list(frame.columns), ["---"] * len(frame.columns), *frame.astype(str).to_numpy().tolist()]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def latex(frame: pd.DataFrame, caption: str) -> str:
    """Return a frame as a booktabs table."""
    styled = frame.style.format(escape="latex").hide(axis="index")
    columns = {name: _latex_text(name) for name in frame.columns}
    return str(
        styled.relabel_index(list(columns.values()), axis="columns").to_latex(hrules=True, caption=_latex_text(caption))
    )


def _latex_text(text: str) -> str:
    for symbol in "&%$#_{}":
        text = text.replace(symbol, f"\\{symbol}")
    return text


def html(frame: pd.DataFrame, caption: str) -> str:
    """Return a frame as a page of its own, verdicts coloured."""
    styled = frame.style.format(escape="html").hide(axis="index").set_caption(caption).set_table_styles(STYLES)
    if "verdict" in frame:
        styled = styled.map(lambda name: f"background: {COLOURS.get(name, 'none')}", subset=["verdict"])
    return f'<!doctype html><meta charset="utf-8"><title>{caption}</title>{styled.to_html()}'


STYLES: Any = [
    {"selector": "", "props": "border-collapse: collapse; font: 14px/1.5 system-ui, sans-serif; color: #222"},
    {"selector": "caption", "props": "text-align: left; font-size: 16px; font-weight: 600; padding: 8px 0"},
    {
        "selector": "th",
        "props": "text-align: left; padding: 6px 10px; border-bottom: 2px solid #444; white-space: nowrap",
    },
    {"selector": "td", "props": "padding: 4px 10px; border-bottom: 1px solid #ddd; vertical-align: top"},
]
