"""The HTML report, written by Snakemake from the finished run; one file, works without a network."""

import subprocess
import sys
import tempfile
from pathlib import Path

from pdebridge.configuration.settings import Settings
from pdebridge.errors import UserError


def write_report(settings: Settings) -> int:
    """Write ``results/<scale>/report.html`` of the run with these settings and print where it is."""
    folder = Path("results") / settings.scale
    if not (folder / "paper" / "landing.rst").is_file():
        raise UserError(f"{folder}: no finished run; run: snakemake --cores all --config scale={settings.scale}")
    out = folder / "report.html"
    with tempfile.NamedTemporaryFile("w", suffix=".json") as overlay:
        overlay.write(settings.model_dump_json())
        overlay.flush()
        # --nolock: the workflow that calls this at its end still holds the lock
        command = [
            sys.executable,
            "-m",
            "snakemake",
            "results",
            "--report",
            str(out),
            "--nolock",
            "--configfile",
            overlay.name,
        ]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        return done.returncode
    print(f"report: {out.resolve()}")
    return 0
