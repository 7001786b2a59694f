"""What this machine can do for pdebridge: one line a question, and the cure where something is missing."""

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from netrc import NetrcParseError, netrc
from pathlib import Path
from typing import NamedTuple

from pdebridge.configuration.settings import Settings
from pdebridge.provenance import commit, hardware

GIB = 2**30
DISK = 5 * GIB  # results and offline tracking of a laptop run, with room to spare
EXECUTORS = ("slurm", "kubernetes")


class Finding(NamedTuple):
    """The answer to one question: ``ok``, ``note`` (works, with a limit) or ``bad`` (the pipeline will fail)."""

    state: str
    subject: str
    text: str


def examine(settings: Settings) -> list[Finding]:
    """Ask every question; nothing is written but one empty file in the folder of results, and removed again."""
    questions: list[Callable[[Settings], Iterator[Finding]]] = [
        *(_python, _machine, _device, _precision, _launcher, _executors, _tracking, _data, _results),
    ]
    return [finding for question in questions for finding in question(settings)]


def _python(settings: Settings) -> Iterator[Finding]:
    supported = sys.version_info[:2] >= (3, 11)
    yield Finding("ok" if supported else "bad", "python", f"{platform.python_version()}, wanted 3.11 or newer")
    head = commit()
    where = f"commit {head['commit'][:10]}{', changed' if head['dirty'] else ''}" if head["commit"] else "no git commit"
    yield Finding("ok" if head["commit"] else "note", "provenance", f"{where}: what run directories record")


def _machine(settings: Settings) -> Iterator[Finding]:
    found = hardware()
    yield Finding("ok", "processor", f"{found['processor']}, {found['cores']} cores, {found['memory'] / GIB:.0f} GiB")
    threads = os.environ.get("OMP_NUM_THREADS")
    yield Finding("ok", "threads", f"{settings.threads} a training" + (f", OMP_NUM_THREADS={threads}" * bool(threads)))


def _device(settings: Settings) -> Iterator[Finding]:
    import torch

    yield Finding("ok", "torch", f"{torch.__version__}, CUDA {torch.version.cuda or 'none in this build'}")
    for number in range(torch.cuda.device_count()):
        gpu = torch.cuda.get_device_properties(number)
        capability = f"compute capability {gpu.major}.{gpu.minor}"
        yield Finding("ok", f"gpu {number}", f"{gpu.name}, {gpu.total_memory / GIB:.0f} GiB, {capability}")
    if torch.cuda.device_count():
        return
    if torch.backends.mps.is_available():
        yield Finding("note", "gpu", "Apple's MPS has no float64: cells that need it run on the CPU")
    elif shutil.which("nvidia-smi") and torch.version.cuda is None:
        yield Finding("bad", "gpu", "there is an NVIDIA driver, but torch is a CPU build: reinstall torch for CUDA")
    else:
        yield Finding("note", "gpu", "none: trainings run on the CPU; scale cluster wants GPUs")


def _precision(settings: Settings) -> Iterator[Finding]:
    import torch

    if torch.cuda.is_available():
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        flags = _processor_flags()
        native = bool(flags & {"avx512_bf16", "amx_bf16", "bf16"})
    text = "bfloat16 by the hardware" if native else "bfloat16 emulated: precision bf16-mixed gains no time here"
    yield Finding("ok" if native else "note", "precision", text)


def _processor_flags() -> set[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return set()
    line = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return set(line.partition(":")[2].split())


def _launcher(settings: Settings) -> Iterator[Finding]:
    from torch import distributed

    if not distributed.is_available():
        yield Finding("note", "launcher", "this torch has no torch.distributed: devices and nodes must be 1")
        return
    backends = [name for name in ("nccl", "gloo") if getattr(distributed, f"is_{name}_available")()]
    yield Finding("ok", "launcher", f"torch.distributed with {', '.join(backends)}")


def _executors(settings: Settings) -> Iterator[Finding]:
    yield Finding("ok", "snakemake", version("snakemake"))
    scheduler = {"slurm": "sbatch", "kubernetes": "kubectl"}
    for name in EXECUTORS:
        try:
            installed = version(f"snakemake-executor-plugin-{name}")
        except PackageNotFoundError:
            there = f"; {scheduler[name]} is here" if shutil.which(scheduler[name]) else ""
            yield Finding("note", name, f"no plugin: pip install 'pdebridge[{name}]'{there}")
            continue
        found = shutil.which(scheduler[name]) or f"no {scheduler[name]} on the PATH"
        yield Finding("ok" if "/" in found else "note", name, f"plugin {installed}, {found}")


def _tracking(settings: Settings) -> Iterator[Finding]:
    mode = os.environ.get("WANDB_MODE", settings.tracking.mode)
    if mode == "online" and not (os.environ.get("WANDB_API_KEY") or _has_login()):
        yield Finding("bad", "tracking", "online without a key: run 'wandb login', or set tracking.mode to offline")
    else:
        yield Finding("ok", "tracking", f"Weights & Biases {version('wandb')}, {mode}")


def _has_login() -> bool:
    try:
        return any("wandb" in host for host in netrc().hosts)
    except (OSError, NetrcParseError):
        return False


def _data(settings: Settings) -> Iterator[Finding]:
    mirror = settings.data.mirror or os.environ.get("PDEBRIDGE_MIRROR")
    if not mirror:
        yield Finding("ok", "data", f"downloads go to {settings.data.folder}; no mirror")
    elif not Path(mirror).is_dir():
        yield Finding("bad", "data", f"the mirror {mirror} is no folder: data.mirror or PDEBRIDGE_MIRROR")
    else:
        yield Finding("ok", "data", f"mirror {mirror}: {len(list(Path(mirror).iterdir()))} entries")


def _results(settings: Settings) -> Iterator[Finding]:
    folder = Path("results")
    there = folder if folder.is_dir() else Path()
    probe = there / f".{os.getpid()}.partial.probe"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        yield Finding("bad", "results", f"{there.resolve()} cannot be written: {error.strerror}")
        return
    free = shutil.disk_usage(there).free
    state = "ok" if free > DISK else "note"
    yield Finding(state, "results", f"{folder} can be written, {free / GIB:.0f} GiB free (wanted {DISK / GIB:.0f})")
