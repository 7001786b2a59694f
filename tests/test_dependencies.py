"""One list of dependencies: pyproject.toml; environment.yml repeats it, constraints.txt pins it."""

import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pins():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): Version(version) for name, version in pairs}


def test_environment_repeats_the_list():
    *_, pip = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert pip["pip"] == PROJECT["dependencies"]


def test_every_dependency_is_pinned_within_its_range():
    pinned = pins()
    for line in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]:
        requirement = Requirement(line)
        version = pinned[canonicalize_name(requirement.name)]
        assert version in requirement.specifier, f"{requirement} is pinned to {version}"


def test_every_dependency_has_an_upper_bound_or_is_for_development():
    for line in PROJECT["dependencies"]:
        assert "<" in line, f"{line} has no upper bound"


def test_what_does_not_work_with_this_torch_stays_out():
    assert not {"torchvision", "torchaudio", "torchdyn"} & set(pins())
