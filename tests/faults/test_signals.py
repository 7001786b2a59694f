"""A training that is killed, stopped or runs out of disk before any of its operations on files loses no number.

Ever so many points in ``make faults``; a sample of them in CI.
"""

import os
import shutil
import signal

import pytest

from faults.child import disk_is_full, run, send
from faults.conftest import contents, left

pytestmark = pytest.mark.faults
EVERY = int(os.environ.get("PDEBRIDGE_FAULTS_EVERY", "9"))  # CI tries each ninth operation
FAULTS = {
    "SIGKILL": (send(signal.SIGKILL), 137),
    "SIGTERM": (send(signal.SIGTERM), 143),
    "SIGINT": (send(signal.SIGINT), 130),
    "SIGUSR1": (send(signal.SIGUSR1), 138),
    "full disk": (disk_is_full, 1),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_before_any_operation_on_files_loses_nothing(name, command, straight, tmp_path):
    fault, status = FAULTS[name]
    expected, operations = straight
    points = range(1, operations + 1, EVERY)
    wrong, unclear = [], []
    for point in points:
        folder = tmp_path / "results"
        shutil.rmtree(folder, ignore_errors=True)
        first = run(command(folder), folder, point, fault)
        if first.status != status and not (first.status == 0 and name == "full disk"):
            unclear.append((point, first.status, first.said[-300:]))
        if "Traceback" in first.said or (name != "SIGKILL" and first.status and len(first.lines) != 1):
            unclear.append((point, first.lines))
        again = run(command(folder), folder)
        if again.status or contents(folder) != expected or left(folder):
            wrong.append((point, again.status, again.said[-300:], left(folder)))
    print(f"{name}: {len(points)} faults, {len(wrong)} lost or wrong, {len(unclear)} unclear")
    assert not wrong
    assert not unclear
