"""Imports run downhill, and what should be light is light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import pdebridge

SRC = Path(pdebridge.__file__).parent
# a room may import itself and what stands before it in its list
BELOW = {
    "dynamics": set(),
    "integrators": {"dynamics"},
    "gradients": {"dynamics", "integrators"},
    "networks": {"dynamics", "integrators", "gradients"},
    "meanfield": {"dynamics", "integrators", "gradients"},
    "optimisation": {"dynamics", "integrators", "gradients", "networks"},
    "meshes": {"meanfield"},
    "datasets": set(),
    "configuration": {"networks"},
    "training": {
        *("dynamics", "integrators", "gradients", "networks", "meanfield", "optimisation", "datasets", "configuration"),
    },
    "studies": {
        *("dynamics", "integrators", "gradients", "networks", "meanfield", "optimisation", "meshes", "datasets"),
        *("configuration", "training", "bench"),  # memory and time are counted in one way
    },
    "paper": {"configuration"},
    "bench": {
        *("dynamics", "integrators", "gradients", "networks", "meanfield", "optimisation", "meshes", "datasets"),
        *("configuration", "training"),
    },
}
TORCH_ONLY = ("dynamics", "integrators", "gradients", "networks", "meanfield", "optimisation")
ALLOWED = {"torch", "numpy", "scipy", "torchdiffeq", "pdebridge"}
FOUNDATIONS = {"allocator", "catalogue", "cube", "errors", "files", "meaning", "provenance", "records", "__init__"}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def files(room):
    return sorted((SRC / room).rglob("*.py"))


@pytest.mark.parametrize("room", BELOW)
def test_imports_run_downhill(room):
    for path in files(room):
        for name in imports(path):
            if not name.startswith("pdebridge."):
                continue
            other = name.split(".")[1]
            assert other in BELOW[room] | FOUNDATIONS | {room}, f"{path.relative_to(SRC)} imports {name}"


@pytest.mark.parametrize("room", TORCH_ONLY)
def test_the_lowest_rooms_know_torch_and_nothing_else(room):
    for path in files(room):
        for name in imports(path):
            top = name.split(".")[0]
            assert top in ALLOWED | set(sys.stdlib_module_names), f"{path.relative_to(SRC)} imports {name}"


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("import pdebridge.cli", {"torch", "pandas", "wandb", "matplotlib"}),
        ("import pdebridge.paper.tables, pdebridge.paper.figure1, pdebridge.paper.reference", {"torch", "wandb"}),
        ("import pdebridge.training.restore, pdebridge.training.describe", {"pytorch_lightning", "wandb"}),
        ("import pdebridge.training.fit", {"wandb"}),
    ],
)
def test_a_verb_pays_only_for_what_it_uses(statement, heavy):
    program = f"{statement}\nimport sys\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert not heavy & set(loaded.split())
