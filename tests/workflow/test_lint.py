"""Snakemake's own lint, as a test."""

import re

import pytest

pytestmark = pytest.mark.workflow

# A rule names no conda environment or container: a directive that does not install this package would run the outer
# `pdebridge` all the same. The environment is the one that snakemake itself runs in (README, Dockerfile).
HOLLOW = "Specify a conda environment or container for each rule."
# What decides no number is no parameter of a job: Snakemake would run again what another way of tracking finished.
OUTSIDE = {
    f"Shell command directly uses variable {name} from outside of the rule"
    for name in ("settings_json", "tracking_json", "accelerator")
}
# Seen between the quotes of two f-strings: f"{folder}/{name}", f"..."
NO_PATH = re.compile(r"""Absolute path "/['"], " in line \d+""")


def test_every_rule_passes_the_lint(project):
    done = project.run("snakemake", "--lint")
    found = re.findall(r"^    \* (.*?):?$", done.stderr, re.MULTILINE)
    assert found, done.stderr
    assert {line for line in found if not NO_PATH.fullmatch(line)} - OUTSIDE == {HOLLOW}, done.stderr
