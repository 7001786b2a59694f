"""The HTML report, written by Snakemake from the finished run; one file, works without a network."""

import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path

from pdebridge.configuration.settings import Settings
from pdebridge.errors import UserError
from pdebridge.files import whole

HEAD = """\
<style>.items-center.h-screen { align-items: safe center; justify-content: safe center }</style>
<script>
addEventListener("message", (message) => {
  const found = Object.keys(results).find((path) => path.endsWith("/paper/" + message.data.page));
  if (found) app.setView({ content: found.endsWith(".png") ? "img" : "html", contentPath: results[found].data_uri });
});
</script>
</head>"""
"""Snakemake centres what is higher than the screen, so that its top is out of reach; and a page of the report cannot
name another one, so that links between them are messages to the report."""


def check_finished(scale: str) -> None:
    """Raise `UserError` if there is nothing to report."""
    if not (Path("results") / scale / "paper" / "landing.rst").is_file():
        raise UserError(f"results/{scale}: no finished run; run: snakemake --cores all --config scale={scale}")


def corner(tracked: dict[str, str | None]) -> str:
    """Return what the report's corner says of the workflow's run in W&B: a link, or its name where it is offline."""
    text, page = f"Weights &amp; Biases: {escape(str(tracked['id']))}", tracked["url"]
    inner = f'<a href="{escape(page)}" target="_blank" rel="noopener">{text}</a>' if page else f"{text} (offline)"
    return f'<div id="wandb" style="position:fixed;right:8px;bottom:4px;font-size:11px;color:#666">{inner}</div>'


def write_report(settings: Settings, tracked: dict[str, str | None] | None = None) -> int:
    """Write ``results/<scale>/report.html`` of the run with these settings and print where it is.

    Args:
        settings: of the run.
        tracked: name and page of the workflow's run in W&B, which the report leads to.
    """
    out = Path("results") / settings.scale / "report.html"
    with tempfile.TemporaryDirectory() as scratch:
        overlay, written = Path(scratch, "settings.json"), Path(scratch, "report.html")
        overlay.write_text(settings.model_dump_json(), encoding="utf-8")
        # --nolock: the workflow that calls this at its end still holds the lock
        command = ["snakemake", "results", "--report", str(written), "--nolock", "--configfile", str(overlay)]
        done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True)
        if done.returncode:
            print(done.stderr, file=sys.stderr)
            return done.returncode
        with whole(out) as path:
            text = written.read_text(encoding="utf-8").replace("</head>", HEAD, 1)
            path.write_text(
                text.replace("</body>", f"{corner(tracked) if tracked else ''}</body>", 1), encoding="utf-8"
            )
    print(f"report: {out.resolve()}")
    return 0
