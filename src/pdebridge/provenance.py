"""Where a number came from: versions, commit, machine. Imports neither torch nor Lightning."""

import os
import platform
import re
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RECORDED = ("torch", "pytorch-lightning", "numpy", "scipy", "scikit-learn", "snakemake", "wandb", "pandas")
# what the project writes about its own runs makes no later run dirty
WRITTEN = (":(top,exclude)results/reference", ":(top,exclude)RESULTS.md", ":(top,exclude)README.md")


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that numbers depend on, as far as they are installed."""
    found = {"python": platform.python_version()}
    for name in RECORDED:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def commit() -> dict[str, Any]:
    """Return git's commit of the working directory and whether tracked files differ from it.

    Outside git, as in a container, the environment's ``PDEBRIDGE_COMMIT`` if it is set, else None. What the project
    writes about its own runs makes no later run dirty.
    """
    try:
        head = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", ":/", *WRITTEN)
        return {"commit": head, "dirty": bool(changed)}
    except (OSError, subprocess.CalledProcessError):
        stated = os.environ.get("PDEBRIDGE_COMMIT")
        return {"commit": stated, "dirty": False if stated else None}


def arithmetic() -> dict[str, Any]:
    """Return what the rounding of a number depends on: processor, instruction set, threads, torch and its BLAS.

    Of a process that has not imported torch only the processor is known.
    """
    found: dict[str, Any] = {"processor": _processor()}
    torch = sys.modules.get("torch")
    if torch is None:
        return found
    blas = re.search(r"Math Kernel Library Version (\S+)|BLAS_INFO=(\w+)", torch.__config__.show())
    return found | {
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "mkl": os.environ.get("MKL_ENABLE_INSTRUCTIONS", ""),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "blas": next(filter(None, blas.groups()), "") if blas else "",
        **({"gpu": torch.cuda.get_device_name()} if torch.cuda.is_available() else {}),
    }


def provenance() -> dict[str, Any]:
    """Return commit, versions, machine and arithmetic of this process."""
    return {**commit(), "versions": versions(), "hardware": hardware(), "arithmetic": arithmetic()}


def _git(*arguments: str) -> str:
    # a checkout that another user owns, as in a container, has a commit too; nothing that it configures is run
    command = ["git", "-c", "safe.directory=*", "-c", "core.fsmonitor=false", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


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
