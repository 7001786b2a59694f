"""A copy of the project in an empty folder, where the workflow runs as a user runs it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("Snakefile", "workflow", "config", "profiles", "environment.yml", "results/reference")


class Project:
    """A checkout and the means to call its programs; nothing reaches the network."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.source = folder, ROOT / "src"
        for part in PARTS:
            source, target = ROOT / part, folder / part
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target)
            else:
                shutil.copy(source, target)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run ``python -m COMMAND`` in the checkout, with the package that the tests import."""
        environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join([str(self.source), os.environ.get("PYTHONPATH", "")]),
            "WANDB_MODE": "disabled",
            **{f"{scheme}_proxy": "http://127.0.0.1:9" for scheme in ("http", "https", "HTTP", "HTTPS")},
        }
        environment.pop("PDEBRIDGE_MIRROR", None)
        return subprocess.run(
            [sys.executable, "-m", *command],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=800,
        )

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the workflow on two cores."""
        return self.run("snakemake", "--cores", "2", *arguments)

    def pdebridge(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a verb."""
        return self.run("pdebridge", *arguments)


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The whole workflow at scale test, run once for all tests that look at its results."""
    built = Project(tmp_path_factory.mktemp("finished"))
    done = built.snakemake("--configfile", "config/test.yaml")
    assert done.returncode == 0, done.stderr
    return built, done
