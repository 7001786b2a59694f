"""A table as a page that is searched, sorted and filtered by column; one file, works offline."""

from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd
from itables import to_html_datatable
from itables.javascript import generate_init_offline_itables_html

from pdebridge.paper.tables import COLOURS

FILTERED = ["source", "kind", "scale", "verdict"]
"""The columns with a list of their values, of which some are chosen; the others have a field for a text."""

STYLE = """\
body { font: 13px/1.4 system-ui, sans-serif; color: #222; margin: 12px }
h1 { font-size: 18px }
table.dataTable td, table.dataTable th { padding: 3px 6px !important; text-align: left !important }
table.dataTable td { vertical-align: top; overflow-wrap: break-word }
"""
TABLE: Any = {
    "connected": False,
    "showIndex": False,
    "allow_html": True,
    "paging": False,
    "maxBytes": 0,
    "autoWidth": False,
    "classes": "display compact",
    "style": "width: 100%",
    "fixedHeader": True,
    "layout": {"topStart": "info", "topEnd": "search", "bottomStart": None, "bottomEnd": None},
}
"""Options of DataTables, as itables calls them."""

SCRIPT = """\
if (location.protocol === "data:") addEventListener("click", (event) => {
  const link = event.target.closest("a[href]:not([href*=':'])");
  if (link) { event.preventDefault(); parent.postMessage({ page: link.getAttribute("href") }, "*") }
});
"""
"""In the report every page is a text within the one file: what a link names is asked of the report."""


def searchable(frame: pd.DataFrame, caption: str, links: Mapping[str, Sequence[str]] | None = None) -> str:
    """Return a frame as a page, its verdicts coloured.

    Args:
        frame: the table.
        caption: its title.
        links: of some columns, where each row leads to, relative to the page; empty where nowhere.
    """
    shown = frame.astype(str).map(escape)
    for column, addresses in (links or {}).items():
        names = shown[column].str.replace("/", "/<wbr>")
        shown[column] = [
            f'<a href="{to}">{name}</a>' if to else name for name, to in zip(names, addresses, strict=True)
        ]
    if "verdict" in shown:
        shown["verdict"] = [f'<span style="background: {COLOURS[word]}">{word}</span>' for word in shown["verdict"]]
    lists = [shown.columns.get_loc(name) for name in FILTERED if name in shown]
    options: Any = TABLE | {"columnDefs": [{"targets": lists, "columnControl": [["searchList"]]}], "table_id": "rows"}
    bundle = Path(str(files("itables") / "html" / "dt_bundle.js"))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(caption)}</title>'
        f"<style>{STYLE}</style><script>{SCRIPT}</script><h1>{escape(caption)}</h1>"
        f"{generate_init_offline_itables_html(bundle)}{to_html_datatable(shown, **options)}</html>"
    )
