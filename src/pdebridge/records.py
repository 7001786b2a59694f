"""What was written is checked against what it said of itself: run directories and files of measurements.

A finished run directory's ``run.json`` holds the SHA-256 of its other files under ``files``. A file of measurements
holds a checksum of its own content, and those of the files beside it that belong to it. Knows neither torch nor pandas.
"""

import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from pdebridge.errors import UserError
from pdebridge.files import checksums, differing, read_json, write_json

RUN = "run.json"
MEASUREMENT = {"experiment", "cell", "quantity", "values", "runs"}
CONTENT = ("history.csv", "summary.json", "weights.safetensors")  # of a finished run, besides run.json


def described(folder: Path) -> dict[str, Any]:
    """Return what a run directory says of itself; nothing if ``run.json`` is missing or damaged."""
    try:
        content = read_json(folder / RUN)
    except (OSError, UserError):
        return {}
    return content if isinstance(content, dict) and "fingerprint" in content else {}


def seal(folder: Path) -> None:
    """Record the checksums of a run directory's files: from now on it is finished."""
    write_json(folder / RUN, described(folder) | {"files": checksums(folder, CONTENT)})


def fault(folder: Path) -> str:
    """Return what is wrong with a finished run directory, as ``file is missing or damaged``; nothing if it is whole."""
    said = described(folder)
    if not said:
        return f"{folder / RUN} is {'damaged' if (folder / RUN).exists() else 'missing'}"
    if "files" not in said:
        return f"{folder} is unfinished"
    return "".join(_named(folder, differing(folder, said["files"])[:1]))


def _named(folder: Path, names: Iterable[str]) -> list[str]:
    return [f"{folder / name} is {'damaged' if (folder / name).exists() else 'missing'}" for name in names]


def check(folder: Path) -> None:
    """Raise `UserError` if a run directory is not what its training wrote."""
    if wrong := fault(folder):
        raise UserError(f"{wrong}; the command that trained it makes it again")


def write_measurements(path: Path, content: dict[str, Any], beside: Iterable[str] = ()) -> None:
    """Write a file of measurements with a checksum of itself and of the files ``beside`` it that belong to it."""
    content = content | {"files": checksums(path.parent, beside)}
    write_json(path, content | {"checksum": _digest(content)})


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def read_measurements(path: Path) -> dict[str, Any]:
    """Read a file of measurements.

    Raises:
        UserError: it is none, is not as it was written, or one of its runs was exchanged for another since.
    """
    try:
        content = read_json(path)
    except OSError as error:
        raise UserError(f"{path}: not a file of measurements ({error.strerror})") from None
    if not isinstance(content, dict) or not isinstance(content.get("measurements"), list):
        raise UserError(f"{path}: not a file of measurements (it has no list 'measurements')")
    if not all(isinstance(m, dict) and set(m) >= MEASUREMENT for m in content["measurements"]):
        raise UserError(f"{path}: not a file of measurements (each has {', '.join(sorted(MEASUREMENT))})")
    if "checksum" in content and content.pop("checksum") != _digest(content):
        raise UserError(f"{path}: damaged (its content differs from its checksum); remove it, and it is made again")
    for run, fingerprint in content.get("fingerprints", {}).items():
        if described(Path(run)).get("fingerprint", fingerprint) != fingerprint:
            raise UserError(f"{path}: {run} holds another training than the one that was measured; train it again")
    return content


def read_together(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Read files of measurements that belong to one plan: cells as they were built, and runs of them.

    Raises:
        UserError: as `read_measurements`; and for a run that was trained otherwise than its cell was built.
    """
    there = {path: read_measurements(path) for path in paths}
    planned = {key: cell for content in there.values() for key, cell in content.get("cells", {}).items()}
    for path, content in there.items():
        for run in map(Path, content.get("runs", ())):
            cell = described(run).get("cell", {})
            key = f"{cell.get('experiment')}/{cell.get('cell')}"
            for wrong in differences(planned.get(key, {}), cell):
                raise UserError(f"{run}: trained with {wrong}; remove {path}, and it is trained as {key} says")
    return list(there.values())


def differences(wanted: Any, found: Any, key: str = "") -> Iterator[str]:
    """Yield ``key = found, not wanted`` for every wanted value, however deep, that is not there."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for name in wanted:
            yield from differences(wanted[name], found.get(name), f"{key}.{name}" if key else name)
    elif wanted != found:
        yield f"{key} = {found}, not {wanted}"


def read_arrays(path: Path) -> dict[str, Any]:
    """Read the arrays that a study wrote; raise `UserError` with its name if it holds others, or is damaged."""
    import numpy as np

    try:
        with np.load(path) as arrays:
            return dict(arrays)
    except (ValueError, TypeError, EOFError, BadZipFile, zlib.error) as error:
        raise UserError(f"{path}: damaged, or no file of a study's arrays ({' '.join(str(error).split())})") from None


def stale(path: Path) -> str:
    """Return why a file of measurements can no longer be relied on; nothing if it can, or is not there.

    It is damaged itself, or a run directory or a file beside it is missing or damaged.
    """
    if not path.exists():
        return ""
    try:
        content = read_measurements(path)
    except UserError as error:
        return str(error)
    broken = [wrong for run in content.get("runs", ()) if (wrong := fault(Path(run)))]
    return "".join((broken + _named(path.parent, differing(path.parent, content.get("files", {}))))[:1])
