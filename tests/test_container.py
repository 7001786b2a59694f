"""The image holds what the workflow needs, installed as the README does, and runs without root."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
HADOLINT = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")


@pytest.mark.skipif(HADOLINT is None, reason="hadolint is not installed")
def test_the_linter_has_nothing_to_say():
    done = subprocess.run([HADOLINT, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def copied():
    return [name for line in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()]


def test_everything_that_is_copied_is_there_and_not_ignored():
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(copied()) == kept
    assert [name for name in copied() if not (ROOT / name).exists()] == []


def test_the_image_holds_all_that_a_copy_of_the_workflow_needs():
    from workflow.conftest import PARTS

    assert set(PARTS) <= set(copied())


def test_it_installs_the_tested_versions_and_runs_without_root():
    assert "--constraint constraints.txt --editable" in DOCKERFILE
    assert re.search(r"^USER 1000$", DOCKERFILE, re.MULTILINE)
    assert DOCKERFILE.index("USER 1000") < DOCKERFILE.index("CMD")
