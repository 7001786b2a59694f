"""Where a number came from: versions, commit, machine. Imports neither torch nor Lightning."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

RECORDED = ("torch", "pytorch-lightning", "numpy", "scipy", "scikit-learn", "snakemake", "wandb", "pandas")


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
