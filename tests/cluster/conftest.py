"""One toy Slurm for all tests of this folder."""

import subprocess

import pytest

from cluster.toy_slurm import ToySlurm, why_not


@pytest.fixture(scope="session")
def slurm(tmp_path_factory):
    reason = why_not()
    if reason:
        pytest.skip(reason)
    toy = ToySlurm(tmp_path_factory.mktemp("slurm"))
    try:
        try:
            toy.start()
        except (OSError, TimeoutError, subprocess.SubprocessError) as error:
            pytest.skip(f"the daemons of a toy Slurm do not run here: {error}")
        yield toy
    finally:
        toy.stop()
