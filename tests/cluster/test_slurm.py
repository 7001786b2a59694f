"""profiles/slurm under a real Slurm of two nodes: what a cluster does to jobs, and what its user is told."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]
# what a user changes in a copy of the profile for a cluster of their own, and shorter waits
PARTITIONS = """\
partitions:
  cpu: {max_runtime: 600, max_mem_mb: 50000, max_threads: 8}
  gpu: {max_runtime: 600, max_mem_mb: 50000, max_threads: 8, max_gpu: 4}
"""
QUICK = ["--slurm-init-seconds-before-status-checks", "2", "--seconds-between-status-checks", "2", "--slurm-no-account"]


class Submitted:
    """A folder with a Snakefile and the profile, and the means to run it."""

    def __init__(self, folder: Path, snakefile: str) -> None:
        self.folder = folder
        (folder / "Snakefile").write_text(snakefile, encoding="utf-8")
        shutil.copytree(ROOT / "profiles/slurm", folder / "profiles/slurm")
        (folder / "profiles/slurm/partitions.yaml").write_text(PARTITIONS, encoding="utf-8")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT / "src"),
        }
        return subprocess.Popen(
            [sys.executable, "-m", "snakemake", "--workflow-profile", "profiles/slurm", *QUICK, *arguments],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        process = self.start(*arguments)
        said, _ = process.communicate(timeout=200)
        return process.returncode, said


RULE = """\
rule {name}:
    output: "{name}.txt"
    log: "{name}.log"
    retries: {retries}
    threads: {threads}
    resources: {resources}
    message: "job {name}"
    shell: "({shell}) > {{log}} 2>&1 && mv {{log}} {{output}}"

"""


def rules(**jobs: dict) -> str:
    defaults = {"threads": 1, "retries": 2, "resources": "mem_mb=100, runtime=5", "shell": "env | grep -E 'SLURM|CUDA'"}
    text = "rule all:\n    input: " + ", ".join(f'"{name}.txt"' for name in jobs) + "\n\n"
    return text + "".join(RULE.format(name=name, **(defaults | job)) for name, job in jobs.items())


def test_a_job_gets_the_partition_the_cores_and_the_gpus_that_it_asks_for(slurm, tmp_path):
    work = Submitted(
        tmp_path,
        rules(
            small={"threads": 2},
            one={"resources": "mem_mb=100, runtime=5, gpu=1, nodes=1, cpus_per_gpu=1"},
            four={"threads": 8, "resources": "mem_mb=100, runtime=5, gpu=4, nodes=1, cpus_per_gpu=2"},
        ),
    )
    code, said = work.run()
    assert code == 0, said
    found = {
        name: dict(line.split("=", 1) for line in (tmp_path / f"{name}.txt").read_text().splitlines() if "=" in line)
        for name in ("small", "one", "four")
    }
    assert {name: f["SLURM_JOB_PARTITION"] for name, f in found.items()} == {
        "small": "cpu",
        "one": "gpu",
        "four": "gpu",
    }
    assert "CUDA_VISIBLE_DEVICES" not in found["small"]
    assert len(found["one"]["CUDA_VISIBLE_DEVICES"].split(",")) == 1
    assert len(found["four"]["CUDA_VISIBLE_DEVICES"].split(",")) == 4
    assert {name: f["SLURM_NNODES"] for name, f in found.items()} == {"small": "1", "one": "1", "four": "1"}
    assert found["four"]["SLURM_CPUS_ON_NODE"] == "8"


# the first attempt leaves a mark and then waits for its end; the second one finds the mark and is done
TWICE = "test -e {name}.mark || {{{{ touch {name}.mark; sleep 200; }}}}"


def test_what_stops_one_job_stops_no_other_and_is_said(slurm, tmp_path):
    """A time limit and a scancel are tried again; an error and a wrong partition end with their reason and log."""
    jobs = {
        "limited": {"shell": TWICE.format(name="limited"), "resources": "mem_mb=100, runtime=1"},
        "cancelled": {"shell": TWICE.format(name="cancelled")},
        "broken": {"shell": "echo the reason; exit 3", "retries": 0},
        "nowhere": {"resources": 'mem_mb=100, runtime=5, slurm_partition="nowhere"', "retries": 0},
        "sound": {},
    }
    work = Submitted(tmp_path, rules(**jobs))
    process = work.start()
    slurm.wait_for((tmp_path / "cancelled.mark").exists, "the job that will be cancelled", 60)
    # its name is the run's identifier; the comment holds the rule's name
    listed = slurm.ask("squeue", "-h", "-o", "%i %k").splitlines()
    (number,) = [line.split()[0] for line in listed if "rule_cancelled" in line]
    slurm.ask("scancel", number)
    said, _ = process.communicate(timeout=250)
    assert process.returncode == 1, said
    assert {name: (tmp_path / f"{name}.txt").exists() for name in jobs} == {
        **{"limited": True, "cancelled": True, "broken": False, "nowhere": False, "sound": True},
    }, said
    assert "SLURM status is: 'TIMEOUT'" in said and "SLURM status is: 'CANCELLED'" in said
    assert "FAILED: job broken" in said and "the reason" in said
    assert "FAILED: job nowhere" in said and "nvalid partition" in said


def test_a_job_of_a_node_that_fails_runs_on_another(slurm, tmp_path):
    where = "echo $SLURMD_NODENAME >> nodes; test $(wc -l < nodes) -gt 1 || sleep 200"
    work = Submitted(tmp_path, rules(moved={"shell": where}))
    process = work.start()
    slurm.wait_for((tmp_path / "nodes").exists, "the job's first node", 60)
    first = (tmp_path / "nodes").read_text().strip()
    slurm.ask("scontrol", "update", f"nodename={first}", "state=down", "reason=test")
    slurm.wait_for(lambda: "PENDING" in slurm.ask("squeue", "-h", "-o", "%T"), "the job in the queue again", 60)
    # Slurm lets a job of a failed node wait for two minutes
    slurm.ask("scontrol", "update", f"jobid={slurm.ask('squeue', '-h', '-o', '%i').strip()}", "starttime=now")
    said, _ = process.communicate(timeout=200)
    slurm.ask("scontrol", "update", f"nodename={first}", "state=resume")
    assert process.returncode == 0, said
    before, after = (tmp_path / "nodes").read_text().split()
    assert before == first != after
