"""Whatever a user writes wrongly ends in one line that names file or key, before compute, and with a status.

The table is `bad_input`: a name, the files of a checkout that are changed, the command, and what its one line must say.
All commands run in this process, in a copy of ``config``.
"""

import shutil
from collections import Counter
from pathlib import Path

import pytest

from faults.bad_input import CASES, FOLDER, Case
from pdebridge.cli import main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder with this checkout's configuration, as working directory."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("PDEBRIDGE_MIRROR", raising=False)
    return tmp_path


def put(file, change):
    """Write what a case has in the place of a file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    before = file.read_bytes() if file.is_file() else b""
    if change is FOLDER:
        file.unlink(missing_ok=True)
        file.mkdir()
    else:
        file.write_bytes(change(before) if callable(change) else change)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_is_one_line(case: Case, checkout, capsys, monkeypatch):
    for path, change in case.files.items():
        put(checkout / path, change)
    for name, value in case.environment.items():
        monkeypatch.setenv(name, value)
    try:
        status = main(list(case.command))
    except SystemExit as ended:
        status = int(ended.code or 0)
    printed = capsys.readouterr()
    said = printed.err.strip().splitlines()
    if said and said[0].startswith("usage:"):  # argparse shows what would be valid before it says what is wrong
        said = said[-1:]
    assert status in (1, 2), f"accepted: {printed.out[:200]}"
    assert len(said) == 1, said
    assert case.expected in said[0], said[0]
    assert "Traceback" not in said[0] and len(said[0]) < 1500


def test_every_kind_is_there():
    kinds = Counter(case.name.partition(":")[0] for case in CASES)
    print(f"{len(CASES)} bad inputs: {', '.join(f'{n} {kind}' for kind, n in kinds.items())}")
    assert len(CASES) >= 330
    assert len({case.name for case in CASES}) == len(CASES)
