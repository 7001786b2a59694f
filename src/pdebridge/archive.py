"""One archive of a finished run: results, configuration, environment, data list. The same files give the same bytes.

A gzipped tar file of one folder ``pdebridge-SCALE``; names are sorted, owners, times and modes are left out.

- ``results/SCALE``: as it stands, without what other programs keep there (W&B, checkpoints, locks, partial files);
- ``config``, ``profiles``, ``pyproject.toml``, ``constraints.txt``, ``environment.yml``;
- ``environment.json``: commit, Python, every installed package; ``changes.patch``: what the checkout has beyond it;
- ``data.csv``: the data sets that were trained on, their files with addresses and checksums, or how they were made;
- ``SHA256SUMS``: for ``sha256sum --check``.
"""

import csv
import gzip
import hashlib
import io
import json
import platform
import re
import subprocess
import tarfile
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from pdebridge.catalogue import SOURCES
from pdebridge.configuration.load import parse_cell
from pdebridge.cube import load
from pdebridge.errors import UserError
from pdebridge.files import read_json, whole, writable
from pdebridge.provenance import commit
from pdebridge.records import described, stale

PARTS = ("config", "profiles", "Snakefile", "workflow", "pyproject.toml", "constraints.txt", "environment.yml")
# what other programs keep, and what is not finished
PASSING = re.compile(r"^(wandb|checkpoints|__pycache__|\..*\.(lock|replaced))$|\.partial(\.|$)")
COLUMNS = ("data set", "options", "experiments", "file", "checksum", "addresses")


def pack(results: Path, scale: str, out: Path) -> Path:
    """Write the archive of a finished run.

    Args:
        results: the folder of results, in a checkout.
        scale: of the run.
        out: the archive, ``NAME.tar.gz``; one that is there is never replaced.

    Raises:
        UserError: the archive exists, or the run is unfinished or damaged.
    """
    if out.exists():
        raise UserError(f"{out}: exists, and is not overwritten; --out names another file")
    if not out.name.endswith(".tar.gz"):
        raise UserError(f"--out {out}: expected a file NAME.tar.gz")
    writable(out)
    folder, root = results / scale, results.resolve().parent
    if not (folder / "paper" / "measurements.json").is_file():
        raise UserError(f"{folder}: no finished run; run: snakemake --cores all --config scale={scale}")
    for path in sorted(folder.glob("runs/*/*.json")):
        if wrong := stale(path):
            raise UserError(f"{wrong}; snakemake makes it again")
    members = dict(sorted(_files(folder, f"results/{scale}")))
    members |= {name: path for part in PARTS for name, path in _files(root / part, part)}
    made = {"environment.json": _environment(), "data.csv": _data(folder), "changes.patch": _changes(root)}
    with whole(out) as partial:
        write(partial, f"pdebridge-{scale}", members, made)
    return out


def _files(path: Path, name: str) -> Iterator[tuple[str, Path]]:
    """Yield the files of a part by their names in the archive."""
    if path.is_file():
        yield name, path
    for file in sorted(path.rglob("*")) if path.is_dir() else ():
        inner = file.relative_to(path)
        if file.is_file() and not file.is_symlink() and not any(PASSING.search(part) for part in inner.parts):
            yield f"{name}/{inner.as_posix()}", file


def write(out: Path, top: str, members: dict[str, Path], made: dict[str, bytes]) -> None:
    """Write files and contents as a gzipped tar file, with their checksums last.

    Args:
        out: the archive.
        top: the folder that holds everything.
        members: files by their names.
        made: contents by their names.
    """
    sums = []
    with (
        out.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name in sorted([*members, *made]):
            content = made[name] if name in made else members[name].read_bytes()
            sums.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n")
            _add(tar, f"{top}/{name}", content)
        _add(tar, f"{top}/SHA256SUMS", "".join(sums).encode())


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def _environment() -> bytes:
    """Return commit, Python and every installed package."""
    packages = {d.metadata["Name"]: d.version for d in distributions() if d.metadata["Name"]}
    facts = {**commit(), "python": platform.python_version(), "packages": dict(sorted(packages.items()))}
    return (json.dumps(facts, indent=2) + "\n").encode()


def _changes(root: Path) -> bytes:
    """Return what the checkout has beyond its commit, as a patch; empty outside git."""
    command = ["git", "-c", "safe.directory=*", "-C", str(root), "diff", "--no-ext-diff", "HEAD"]
    done = subprocess.run(command, capture_output=True)
    return done.stdout if done.returncode == 0 else b""


def _data(folder: Path) -> bytes:
    """Return the list of the data sets on which the run's cells were trained."""
    used: dict[tuple[str, str], set[str]] = {}
    for path in sorted(folder.glob("runs/*/*.json")):
        for run in read_json(path)["runs"][:1]:
            cell = parse_cell(described(Path(run))["cell"])
            assert cell.subject
            _, _, learned = cell.subject
            options = json.dumps(learned.options, sort_keys=True)
            used.setdefault((learned.name, options), set()).add(cell.experiment)
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(COLUMNS)
    for (name, options), experiments in sorted(used.items()):
        files = [(file.path, file.checksum, " ".join(file.addresses)) for file in _published(name)]
        rows = files or [("", "", "made by the package, or part of one that is installed")]
        writer.writerows((name, options, " ".join(sorted(experiments)), *row) for row in rows)
    return lines.getvalue().encode()


def _published(name: str) -> tuple[Any, ...]:
    """Return the files of a data set that is downloaded, its archive among them."""
    if name not in SOURCES:
        return ()
    source = load(SOURCES[name])
    return (*([source.archive] if source.archive else []), *source.files)
