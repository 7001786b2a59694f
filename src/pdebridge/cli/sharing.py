"""The verbs that hand a finished run to others: one archive, and what is not yet in W&B."""

import sys
from argparse import Namespace
from pathlib import Path

from pdebridge.cli.settings import settings_of
from pdebridge.errors import UserError
from pdebridge.records import described


def pack(options: Namespace) -> None:
    """Write one archive of a finished run."""
    from pdebridge.archive import pack as write
    from pdebridge.files import checksum

    out = options.out or Path(f"pdebridge-{options.scale}.tar.gz")
    write(options.results, options.scale, out)
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB, SHA-256 {checksum(out)}")


def sync(options: Namespace) -> None:
    """Send every finished run of a scale that W&B has not got, and say what is there already."""
    from pdebridge.publish import finished_runs, upload

    settings = settings_of(options)
    runs = finished_runs(options.results, settings.scale)
    if not runs:
        raise UserError(f"{options.results / settings.scale}: no finished run to send")
    counts = {True: 0, False: 0}
    for run in runs:
        sent, page = upload(run, settings.tracking)
        counts[sent] += 1
        print(f"{run}: {'sent to' if sent else 'there already,'} {page}", flush=True)
    _pages(options.results / settings.scale, {run.parent for run in runs} if counts[True] else set())
    print(f"{counts[True]} sent, {counts[False]} there already", file=sys.stderr)


def _pages(folder: Path, cells: set[Path]) -> None:
    """Let the pages of cells that the workflow has written say where their runs are in W&B."""
    from pdebridge.paper import runs

    for cell in sorted(cells):
        page = folder / "paper" / "runs" / cell.parent.name / f"{cell.name}.html"
        if page.is_file():
            runs.page([run for run in sorted(cell.glob("seed-*")) if described(run)], page)
