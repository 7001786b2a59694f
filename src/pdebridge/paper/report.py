"""The HTML report, written by Snakemake from the finished run; one file, works without a network."""

import subprocess
import sys
from pathlib import Path

from pdebridge.errors import UserError


def write_report(results: Path, scale: str) -> int:
    """Write ``results/<scale>/report.html`` and print where it is."""
    if not (results / scale / "paper" / "landing.rst").is_file():
        raise UserError(f"{results / scale}: no finished run; run: snakemake --cores all --config scale={scale}")
    out = results / scale / "report.html"
    # --nolock: the workflow that calls this at its end still holds the lock
    command = [sys.executable, "-m", "snakemake", "--report", str(out), "--nolock", "--config", f"scale={scale}"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        return done.returncode
    print(f"report: {out.resolve()}")
    return 0
