"""The HTML report, written by Snakemake from the finished run; one file, works without a network."""

import subprocess
import sys
import tempfile
from pathlib import Path

from pdebridge.configuration.settings import Settings
from pdebridge.errors import UserError
from pdebridge.files import whole

HEAD = """\
<style>.items-center.h-screen { align-items: safe center; justify-content: safe center }</style>
<script>
addEventListener("message", (message) => {
  const found = Object.keys(results).find((path) => path.endsWith("/paper/" + message.data.page));
  if (found) app.setView({ content: "html", contentPath: results[found].data_uri });
});
</script>
</head>"""
"""Snakemake centres what is higher than the screen, so that its top is out of reach; and a page of the report cannot
name another one, so that links between them are messages to the report."""


def write_report(settings: Settings) -> int:
    """Write ``results/<scale>/report.html`` of the run with these settings and print where it is."""
    folder = Path("results") / settings.scale
    if not (folder / "paper" / "landing.rst").is_file():
        raise UserError(f"{folder}: no finished run; run: snakemake --cores all --config scale={settings.scale}")
    out = folder / "report.html"
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
            path.write_text(written.read_text(encoding="utf-8").replace("</head>", HEAD, 1), encoding="utf-8")
    print(f"report: {out.resolve()}")
    return 0
