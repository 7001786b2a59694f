"""Snakemake's own lint, as a test."""

import re

import pytest

pytestmark = pytest.mark.workflow

# A rule names no conda environment or container: a directive that does not install this package would run the outer
# `pdebridge` all the same. The environment is the one that snakemake itself runs in (README, Dockerfile).
HOLLOW = "Specify a conda environment or container for each rule."


def test_every_rule_passes_the_lint(project):
    done = project.run("snakemake", "--lint")
    found = re.findall(r"^    \* (.*?):?$", done.stderr, re.MULTILINE)
    assert found, done.stderr
    assert set(found) == {HOLLOW}, done.stderr
