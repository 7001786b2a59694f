"""Downloads: a mirror folder first, then the official address; verified whichever way they came."""

import hashlib
import os
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from pdebridge.errors import UserError
from pdebridge.files import whole

MIRROR = "PDEBRIDGE_MIRROR"


@dataclass(frozen=True)
class File:
    """A published file."""

    path: str
    """Below the data folder, and below a mirror."""
    checksum: str
    """``md5:...`` or ``sha256:...``"""
    addresses: tuple[str, ...] = ()
    """Where it is published; the first that answers is taken."""


@dataclass(frozen=True)
class Source:
    """The files of a data set, each with an address of its own or all members of one archive."""

    files: tuple[File, ...]
    archive: File | None = None
    """A tar file that holds every file under its path."""


def fetch(source: Source, folder: str | Path, mirror: str | Path | None = None) -> list[Path]:
    """Return the paths of a data set's files in ``folder``, after getting those that are missing or damaged there.

    Each file is looked for in the mirror, a folder of the same layout (the environment variable ``PDEBRIDGE_MIRROR`` if
    the argument is empty), and then downloaded; a mirror may hold the archive instead of its files. No file takes its
    name before its checksum was found right. Raises `UserError` with one line if a file is damaged or cannot be had.
    """
    folder, shelf = Path(folder), _shelf(mirror)
    missing = [file for file in source.files if not intact(folder / file.path, file.checksum)]
    if source.archive and missing and not all((shelf / file.path).is_file() for file in missing):
        _unpack(source.archive, missing, folder, shelf)
    else:
        for file in missing:
            with whole(folder / file.path) as partial:
                _bring(file, partial, shelf)
    return [folder / file.path for file in source.files]


def intact(path: Path, checksum: str) -> bool:
    """Tell whether a file is there with this checksum."""
    return path.is_file() and checksum_of(path, checksum) == checksum


def checksum_of(path: Path, like: str) -> str:
    """Return a file's checksum by the algorithm that ``like`` names before its colon."""
    algorithm = like.partition(":")[0]
    with path.open("rb") as content:
        return f"{algorithm}:{hashlib.file_digest(content, algorithm).hexdigest()}"


def _shelf(mirror: str | Path | None) -> Path:
    """Return the mirror folder; without one, a folder in which nothing can be found."""
    named = mirror or os.environ.get(MIRROR)
    if not named:
        return Path(os.devnull)
    if not Path(named).is_dir():
        raise UserError(f"the mirror {named} is not a folder; name one in data.mirror or {MIRROR}, or neither")
    return Path(named)


def _unpack(archive: File, members: Iterable[File], folder: Path, shelf: Path) -> None:
    """Bring the archive and take the members out of it; it does not stay."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".") as temporary:
        packed = Path(temporary) / archive.path
        _bring(archive, packed, shelf)
        with tarfile.open(packed) as tar:
            for member in members:
                with whole(folder / member.path) as partial:
                    _extract(tar, member, partial)
                    _verify(partial, member, f"{member.path} in {archive.path}")


def _extract(tar: tarfile.TarFile, member: File, partial: Path) -> None:
    """Write the content of one member to ``partial``, whatever path or mode the archive gives it."""
    content = tar.extractfile(member.path)
    if content is None:
        raise UserError(f"{member.path} is not a plain file in its archive")
    with content, partial.open("wb") as copy:
        shutil.copyfileobj(content, copy)


def _bring(file: File, partial: Path, shelf: Path) -> None:
    """Copy a file from the mirror, or download it, and verify it."""
    if (shelf / file.path).is_file():
        shutil.copyfile(shelf / file.path, partial)
        _verify(partial, file, f"{shelf / file.path} in the mirror")
    else:
        _verify(partial, file, _download(file, partial))


def _verify(partial: Path, file: File, origin: str) -> None:
    found = checksum_of(partial, file.checksum)
    if found != file.checksum:
        size = partial.stat().st_size
        raise UserError(f"{origin} is damaged or incomplete ({size} bytes): expected {file.checksum}, found {found}")


def _download(file: File, partial: Path) -> str:
    """Download from the first address that answers, and return that address."""
    import pooch

    get: Callable[..., None] = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), chunk_size=2**20, timeout=30)
    failures = []
    for address in file.addresses:
        try:
            get(address, str(partial), None)
            return address
        except OSError as error:  # requests' exceptions are OSErrors
            failures.append(f"{address} ({_reason(error)})")
    raise UserError(
        f"cannot download {Path(file.path).name} from {', '.join(failures)}; "
        f"without a network put it at {file.path} in a folder that data.mirror or {MIRROR} names"
    )


def _reason(error: OSError) -> str:
    """Return why a download failed, in a few words."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return f"HTTP {status}" if status else type(error).__name__
