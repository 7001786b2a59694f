"""What a reviewer sees of a run with a fault, and that the workflows call what is there."""

import os
import re
import shlex
import stat
import subprocess
from pathlib import Path

import pytest
import yaml

from pdebridge.cli.parser import parser
from pdebridge.paper.evidence import read, write
from pdebridge.paper.reference import in_commands
from pdebridge.paper.regression import Comparison, Finding
from pdebridge.records import write_measurements

ROOT = Path(__file__).parents[2]
NIGHTLY = yaml.safe_load((ROOT / ".github" / "workflows" / "nightly.yml").read_text())


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A finished run, that of the committed laptop reference, with a fault planted; and what GitHub gives a job."""

    def make(fault):
        reference = read(ROOT / "results" / "reference" / "laptop")
        write(reference, tmp_path / "results" / "reference" / "laptop")
        found = {key: m for key, m in reference.measurements.items() if "summary" not in m}
        for key, change in fault.items():
            found[key] = found[key] | {"values": [change(value) for value in found[key]["values"]]}
        path = tmp_path / "results" / "laptop" / "paper" / "measurements.json"
        write_measurements(path, {"measurements": [dict(m) for m in found.values()]})
        for part in ("config", "workflow"):
            (tmp_path / part).symlink_to(ROOT / part)
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
        monkeypatch.chdir(tmp_path)
        return tmp_path / "summary.md"

    return make


def regress(*options):
    chosen = parser().parse_args(["regress", "--scale", "laptop", *options])
    return chosen.verb(chosen)


def test_a_planted_fault_is_in_the_summary_and_an_error_beside_the_job(run, capsys):
    summary = run(
        {
            ("figure1", "T5", "val/accuracy"): lambda value: value - 5,
            ("figure1", "T5", "parameters"): lambda value: value + 1,
            ("digits", "hamiltonian", "test/accuracy"): lambda value: value - 6,
        }
    )
    assert regress("--github") == 1
    said = capsys.readouterr().out
    errors = [line for line in said.splitlines() if line.startswith("::error")]
    assert {line.split("::")[1] for line in errors} >= {
        "error title=figure1/T5",
        "error title=digits/hamiltonian",
    }
    (mine,) = [line for line in errors if "figure1/T5" in line]
    assert "changed: parameters: 132 -> 133%0Aregressed: val/accuracy" in mine or (
        "regressed: val/accuracy" in mine and "changed: parameters: 132 -> 133" in mine
    )
    page = summary.read_text()
    assert page.startswith("## Scale laptop beside its reference\n\n**")
    assert "### Faults\n\n|  | cell | quantity | reference | now | p |" in page
    assert re.search(r"^\| changed \| figure1/T5 \| parameters \| 132 \| 133 \|  \|$", page, re.MULTILINE)
    assert re.search(r"^\| regressed \| digits/hamiltonian \| test/accuracy \|", page, re.MULTILINE)


def test_a_run_without_one_is_green(run, capsys):
    summary = run({})
    assert regress("--github") == 0
    assert "::error" not in capsys.readouterr().out
    assert "0 got worse**" in summary.read_text() and "### Faults" not in summary.read_text()


def test_without_github_nothing_is_written(run, capsys, monkeypatch):
    summary = run({("figure1", "T5", "parameters"): lambda value: value + 1})
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    assert regress("--github", "--markdown") == 1
    assert not summary.exists()
    assert "| changed | figure1/T5 | parameters | 132 | 133 |" in capsys.readouterr().out


def test_what_would_end_a_command_is_escaped():
    found = Comparison([Finding("a,b:c", "100 %", "1", "2", "changed")])
    assert in_commands(found) == "::error title=a%2Cb%3Ac::changed: 100 %25: 1 -> 2\n"


def test_the_nightly_workflow_calls_what_is_there():
    assert set(NIGHTLY[True]) == {"schedule", "pull_request", "workflow_dispatch"}  # YAML reads `on` as true
    job = NIGHTLY["jobs"]["numbers"]
    commands = [shlex.split(step["run"]) for step in job["steps"] if "run" in step]
    script = ROOT / ".ci" / "numbers"
    assert commands[-1][1:] == [".ci/numbers", "$SCALE"] and script.stat().st_mode & stat.S_IXUSR
    assert "'test' || 'laptop'" in job["env"]["SCALE"]
    (upload,) = [step["with"] for step in job["steps"] if "upload-artifact" in step.get("uses", "")]
    assert "report.html" in upload["path"] and "/paper" in upload["path"]
    verb = next(line for line in script.read_text().splitlines() if line.startswith("pdebridge "))
    parser().parse_args(shlex.split(verb.replace('"$scale"', "laptop"))[1:])
    assert "../../actions/workflows/nightly.yml/badge.svg" in (ROOT / "README.md").read_text()


def test_the_script_pins_threads_and_instructions_and_stops_at_the_first_failure(tmp_path):
    """With programs of the same names in front: what they are called with, and in which environment."""
    for name in ("snakemake", "pdebridge"):
        program = tmp_path / name
        program.write_text(
            f'#!/bin/sh\necho {name} "$@" $OMP_NUM_THREADS $ATEN_CPU_CAPABILITY\nexit ${{FAIL_{name}:-0}}\n'
        )
        program.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "CORES": "2"}

    def called(scale, **more):
        done = subprocess.run(
            [ROOT / ".ci" / "numbers", scale], env=environment | more, capture_output=True, text=True, cwd=tmp_path
        )
        return done.returncode, done.stdout.splitlines()

    assert called("laptop") == (
        0,
        ["snakemake --cores 2 --config scale=laptop 1 avx2", "pdebridge regress --scale laptop --github 1 avx2"],
    )
    assert called("test")[1][0] == "snakemake --cores 2 --configfile config/test.yaml 1 avx2"
    assert called("test", FAIL_snakemake="1") == (1, ["snakemake --cores 2 --configfile config/test.yaml 1 avx2"])
    assert called("test", FAIL_pdebridge="1")[0] == 1
