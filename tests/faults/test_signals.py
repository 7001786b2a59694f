"""A training that is killed, stopped or runs out of disk before any of its operations on files loses no number.

Ever so many points in ``make faults``; a sample of them in CI.
"""

import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from faults.child import disk_is_full, gone, run, send
from faults.conftest import contents, left

pytestmark = pytest.mark.faults
EVERY = int(os.environ.get("PDEBRIDGE_FAULTS_EVERY", "9"))  # CI tries each ninth operation
ELSEWHERE = Path("/dev/shm")  # a tmpfs of every Linux
FAULTS = {
    "SIGKILL": (send(signal.SIGKILL), 137),
    "SIGTERM": (send(signal.SIGTERM), 143),
    "SIGINT": (send(signal.SIGINT), 130),
    "SIGUSR1": (send(signal.SIGUSR1), 138),
    "full disk": (disk_is_full, 1),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_before_any_operation_on_files_loses_nothing(name, command, straight, tmp_path):
    campaign(name, command, straight, tmp_path, range(1, straight[1] + 1, EVERY))


@pytest.mark.skipif(not ELSEWHERE.is_dir(), reason="no second file system")
@pytest.mark.parametrize("name", ["SIGKILL", "full disk"])
def test_so_it_is_with_results_on_another_file_system_than_temporary_files(name, command, straight, tmp_path):
    with tempfile.TemporaryDirectory(dir=ELSEWHERE) as folder:
        assert Path(folder).stat().st_dev != tmp_path.stat().st_dev
        campaign(name, command, straight, Path(folder), range(2, straight[1] + 1, EVERY))


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_so_it_is_with_two_processes_and_both_are_gone(name, command, shared, tmp_path):
    straight, arguments = shared
    campaign(name, arguments, straight, tmp_path, range(5, straight[1] + 1, max(10, 9 * EVERY)))


def campaign(name, command, straight, place, points):
    """Let a fault happen before each of some operations, then the same command again."""
    fault, status = FAULTS[name]
    expected = straight[0]
    wrong, unclear = [], []
    for point in points:
        folder = place / "results"
        shutil.rmtree(folder, ignore_errors=True)
        first = run(command(folder), folder, point, fault)
        if first.status != status and not (first.status == 0 and name == "full disk"):
            unclear.append((point, first.status, first.said[-300:]))
        if "Traceback" in first.said or (name != "SIGKILL" and first.status and len(first.lines) != 1):
            unclear.append((point, first.lines))
        if not gone(first.group, 10):
            unclear.append((point, "a process lives on"))
        again = run(command(folder), folder)
        if again.status or contents(folder) != expected or left(folder):
            wrong.append((point, again.status, again.said[-300:], left(folder)))
    print(f"{name}: {len(points)} faults, {len(wrong)} lost or wrong, {len(unclear)} unclear")
    assert not wrong, wrong
    assert not unclear, unclear
