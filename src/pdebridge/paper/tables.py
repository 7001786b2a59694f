"""The papers' tables: each is written as CSV, Markdown, LaTeX and styled HTML."""

import math
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from pdebridge.files import whole
from pdebridge.paper.verdict import Interval, interval

COLOURS: dict[str, str] = {
    "reproduced": "#d9ead3",
    "better": "#d0e4f5",
    "compatible": "#e8f3e2",
    "worse": "#f9d9c9",
    "failed": "#e06666",
    "inconclusive": "#fff2cc",
    "not run": "#f3f3f3",
    "source unconfirmed": "#eeeeee",
    "supported": "#d9ead3",
    "not supported": "#fce5cd",
    "opposite": "#f4b6a0",
    "undecided": "#fff2cc",
}


def plain(value: float) -> str:
    """Return a number without trailing zeros, counts in full."""
    if math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.6g}"


def mean_and_half_width(values: list[float]) -> str:
    """Return ``mean ± half-width`` of the 95 % interval, both to the digits that the half-width supports.

    Numbers that would begin with many zeros are in scientific notation.
    """
    return mean_of(interval(values))


def mean_of(ours: Interval) -> str:
    """Return `mean_and_half_width` of an interval."""
    half = ours.high - ours.mean
    if ours.n < 2 or half == 0:
        return plain(ours.mean)
    digits = max(0, 1 - math.floor(math.log10(half)))
    if max(abs(ours.mean), half) < 1e-3:
        return f"{ours.mean:.1e} ± {half:.1e}"
    return f"{ours.mean:.{digits}f} ± {half:.{digits}f}"


def write_table(
    frame: pd.DataFrame, stem: Path, caption: str, columns: list[str] | None = None, page: str | None = None
) -> None:
    """Write ``stem.csv`` with every column, and ``.md``, ``.tex``, ``.html`` with ``columns``, or the page given."""
    shown = frame[columns] if columns else frame
    with whole(stem.with_name(f"{stem.name}.csv")) as path:
        frame.to_csv(path, index=False)
    page = page or html({caption: shown}, caption)
    for suffix, text in ((".md", markdown(shown)), (".tex", latex(shown, caption)), (".html", page)):
        with whole(stem.with_name(stem.name + suffix)) as path:
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


def html(frames: dict[str, pd.DataFrame], title: str) -> str:
    """Return frames as one page; the keys are their captions."""
    tables = "".join(_styled(frame, caption) for caption, frame in frames.items() if len(frame))
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>{tables}'


def _styled(frame: pd.DataFrame, caption: str) -> str:
    """Return a frame as a table, verdicts coloured."""
    look = frame.style.format(escape="html").hide(axis="index").set_caption(escape(caption)).set_table_styles(STYLES)
    if "verdict" in frame:
        look = look.map(lambda name: f"background: {COLOURS.get(name, 'none')}", subset=["verdict"])
    return look.to_html()


STYLES: Any = [
    {"selector": "", "props": "border-collapse: collapse; font: 14px/1.5 system-ui, sans-serif; color: #222"},
    {"selector": "caption", "props": "text-align: left; font-size: 16px; font-weight: 600; padding: 8px 0"},
    {
        "selector": "th",
        "props": "text-align: left; padding: 6px 10px; border-bottom: 2px solid #444; white-space: nowrap",
    },
    {"selector": "td", "props": "padding: 4px 10px; border-bottom: 1px solid #ddd; vertical-align: top"},
]
