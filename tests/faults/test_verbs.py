"""The other verbs: one that is killed, stopped or runs out of disk before any of its operations on files.

The same command afterwards writes what a run without faults writes; no half file is left, or was ever seen as whole.
"""

import os
import shutil
import signal
from pathlib import Path

import pytest

from faults.child import disk_is_full, run, send
from faults.conftest import left
from pdebridge import catalogue
from pdebridge.datasets.fetch import File, Source
from pdebridge.files import checksum, read_json

pytestmark = pytest.mark.faults
EVERY = int(os.environ.get("PDEBRIDGE_FAULTS_EVERY", "9"))
FAULTS = {
    "SIGKILL": (send(signal.SIGKILL), 137),
    "SIGTERM": (send(signal.SIGTERM), 143),
    "SIGINT": (send(signal.SIGINT), 130),
    "full disk": (disk_is_full, 1),
}
ROOT = Path(__file__).parents[2]
STATED = {".csv", ".md", ".tex", ".png", ".npz", ".rst", ".bin"}  # the others hold dates, seconds or random names
TINY = Source((File("tiny/a.bin", ""), File("tiny/b.bin", "")))


@pytest.fixture(scope="module")
def inputs(command, tmp_path_factory):
    """A finished training, its study, and a mirror with two files."""
    folder = tmp_path_factory.mktemp("inputs")
    assert run(command(folder), folder).status == 0
    study = ["study", "propagation", str(folder / "cell.json"), "--out", str(folder / "study")]
    assert run(study, folder).status == 0
    for name, content in (("a", b"a" * 5000), ("b", b"b" * 70000)):
        (folder / "mirror" / "tiny").mkdir(parents=True, exist_ok=True)
        (folder / "mirror" / "tiny" / f"{name}.bin").write_bytes(content)
    return folder


@pytest.fixture(scope="module", autouse=True)
def tiny(inputs):
    """A data set of two files that the mirror holds."""
    mirror = inputs / "mirror"
    files = tuple(File(f.path, f"sha256:{checksum(mirror / f.path)}") for f in TINY.files)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{__name__}.TINY", Source(files))
        patch.setitem(catalogue.SOURCES, "tiny", f"{__name__}:TINY")
        yield


def commands(inputs: Path, out: Path) -> dict[str, list[str]]:
    """Return a command of every verb that writes files, with its results below ``out``."""
    cell, study = str(inputs / "cell.json"), inputs / "study"
    data = f'{{"folder": "{out}/data", "mirror": "{inputs}/mirror"}}'
    return {
        "study": ["study", "propagation", cell, "--out", str(out / "study")],
        "figure": ["figure", "instability", f"{study}.npz", "--out", str(out / "instability")],
        "pages": ["figure", "run", cell, "--out", str(out / "runs")],
        "table": ["table", cell, f"{study}.json", "--out", str(out / "paper")],
        "fetch": ["fetch", "tiny", "--data", data, "--out", str(out / "tiny.json")],
        "describe": ["describe", "--published", "--out", str(out / "weights.json")],
        "update": ["regress", "--update", "--from", str(inputs), "--results", str(out / "results")],
        "schema": ["schema", "--out", str(out / "schemas")],
    }


def contents(out: Path) -> dict[str, object]:
    """Return the files below a folder: bytes, of JSON the measurements, of the rest that they are there."""
    found: dict[str, object] = {}
    for path in sorted(out.rglob("*")):
        if path.is_file():
            said = read_json(path) if path.suffix == ".json" else None
            measured = said.get("measurements") if isinstance(said, dict) else said
            found[str(path.relative_to(out))] = path.read_bytes() if path.suffix in STATED else measured
    return found


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("verb", ["study", "figure", "pages", "table", "fetch", "describe", "update", "schema"])
def test_a_fault_before_any_operation_on_files_loses_nothing(verb, name, inputs, tmp_path):
    fault, status = FAULTS[name]
    out = tmp_path / "out"
    arguments = commands(inputs, out)[verb]
    straight = run(arguments, out)
    assert straight.status == 0, straight.said
    expected = contents(out)
    points = range(1, straight.operations + 1, EVERY)
    wrong, unclear = [], []
    for point in points:
        shutil.rmtree(out)
        first = run(arguments, out, point, fault)
        if first.status != status and not (first.status == 0 and name == "full disk"):
            unclear.append((point, first.status, first.said[-300:]))
        if "Traceback" in first.said or (name != "SIGKILL" and first.status and len(first.lines) != 1):
            unclear.append((point, first.lines))
        out.mkdir(exist_ok=True)
        broken = {path for path, content in contents(out).items() if path in expected and content != expected[path]}
        again = run(arguments, out)
        if broken or again.status or contents(out) != expected or left(out):
            wrong.append((point, broken, again.status, again.said[-300:], left(out)))
    print(f"{verb}, {name}: {len(points)} faults, {len(wrong)} lost or wrong, {len(unclear)} unclear")
    assert points
    assert not wrong, wrong
    assert not unclear, unclear
