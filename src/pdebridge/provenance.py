"""Where a number came from: sources, versions, commit, machine. Imports neither torch nor Lightning."""

import ast
import hashlib
import os
import platform
import subprocess
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent
RECORDED = ("torch", "pytorch-lightning", "numpy", "scipy", "scikit-learn", "snakemake", "wandb", "pandas")


def _file(module: str) -> Path | None:
    """Return the source of a module of this package, or None for a name that is not one."""
    path = PACKAGE.parent.joinpath(*module.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((candidate for candidate in candidates if candidate.is_file()), None)


@cache
def _imports(path: Path) -> frozenset[str]:
    """Return the package's modules that a file imports, at its top or inside its functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(name for name in names if name.split(".")[0] == PACKAGE.name)


def sources(modules: Iterable[str]) -> list[Path]:
    """Return the files of ``modules`` and of everything in the package that they import, sorted.

    A job declares them as input, so that an edit of the code reruns exactly what uses it. ``module:Class`` is taken
    as ``module``; modules of other packages are not followed.
    """
    todo, found = [module.partition(":")[0] for module in modules], set()
    while todo:
        path = _file(todo.pop())
        if path and path not in found:
            found.add(path)
            todo.extend(_imports(path))
    return sorted(found)


def digest(*parts: str | Path) -> str:
    """Return the SHA-256 of texts and files, in order."""
    total = hashlib.sha256()
    for part in parts:
        content = part.read_bytes() if isinstance(part, Path) else part.encode()
        total.update(hashlib.sha256(content).digest())
    return total.hexdigest()


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that numbers depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in RECORDED}}


def commit() -> dict[str, Any]:
    """Return git's commit of the working directory and whether tracked files differ from it; None outside git."""
    try:
        head = _git("rev-parse", "HEAD")
        return {"commit": head, "dirty": bool(_git("status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "dirty": None}


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout.strip()


def hardware() -> dict[str, Any]:
    """Return processor, cores that this process may use, and memory in bytes."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
