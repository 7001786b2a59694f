"""A page a cell: what was run, with what, where, and what came out."""

from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from pdebridge.files import read_json, whole
from pdebridge.paper.tables import html, plain


def page(runs: list[Path], out: Path) -> None:
    """Write the provenance of one cell's run directories as HTML: figures a seed, machine, versions, configuration."""
    described = [read_json(run / "run.json") for run in runs]
    summaries = [read_json(run / "summary.json") for run in runs]
    cell = described[0]["cell"]
    figures = pd.DataFrame(
        [
            {"run": str(run), "seed": d["seed"]} | {k: plain(v) for k, v in s.items()}
            for run, d, s in zip(runs, described, summaries, strict=True)
        ]
    )
    facts = pd.DataFrame(list(provenance(described[0]).items()), columns=["", "value"])
    configuration = escape(yaml.safe_dump(cell, sort_keys=False))
    title = f"{cell['experiment']}/{cell['cell']}: {cell['title']}"
    with whole(out) as path:
        path.write_text(
            html({title: figures, "Provenance of the first seed": facts}, title)
            + tracked(described)
            + f"<pre>{configuration}</pre>",
            encoding="utf-8",
        )


def tracked(described: list[dict[str, Any]]) -> str:
    """Return where the runs are found in W&B, and the workflow that they belong to: links, or names of offline ones."""
    known = [(f"seed {d['seed']}", d["wandb"]) for d in described if d.get("wandb")]
    flows = {one["workflow"]["id"]: one["workflow"] for _, one in known if one.get("workflow")}
    every = known + [("workflow", flow) for flow in flows.values()]
    return f"<p>Weights &amp; Biases: {', '.join(_link(name, where) for name, where in every)}</p>" if every else ""


def _link(name: str, where: dict[str, Any]) -> str:
    text = f"{name} {escape(where['id'])}"
    page = where.get("url")
    return f'<a href="{escape(page)}" target="_blank" rel="noopener">{text}</a>' if page else f"{text} (offline)"


def provenance(described: dict[str, Any]) -> dict[str, str]:
    """Return what a run directory says of commit, machine and versions, as text."""
    commit = described["commit"] or "not in a git checkout"
    return {
        "commit": f"{commit}{' + uncommitted changes' if described['dirty'] else ''}",
        "started": described["started"],
        **{f"machine: {key}": str(value) for key, value in described["hardware"].items()},
        **{f"version: {key}": value for key, value in described["versions"].items()},
    }
