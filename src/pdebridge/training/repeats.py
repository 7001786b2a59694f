"""Further draws of a training that differ by rounding alone: the initial weights are moved by one ulp.

Two correct computations of one training, on other processors or by other sums, differ like these draws; their spread
is what a comparison of numbers has to allow for.
"""

import shutil
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pdebridge.configuration.experiment import Cell
from pdebridge.cube import load
from pdebridge.errors import UserError
from pdebridge.files import read_json, write_json
from pdebridge.training.checkpoints import Checkpoints
from pdebridge.training.fingerprint import run_folders
from pdebridge.training.fit import fit, summarise
from pdebridge.training.history import History
from pdebridge.training.modules import ASSEMBLE
from pdebridge.training.stop import stoppable
from pdebridge.training.task import Task

LONG = 120.0  # seconds: of an experiment whose trainings took longer the first seed alone is repeated


@torch.no_grad()
def move(net: nn.Module, repeat: int) -> None:
    """Move every weight to the next number above or below it, by a coin that depends on ``repeat`` alone."""
    coin = torch.Generator().manual_seed(repeat)
    for weight in net.parameters():
        side = torch.randint(0, 2, weight.shape, generator=coin) * 2.0 - 1
        weight.copy_(torch.nextafter(weight, side.to(weight) * float("inf")))


def repeat(cell: Cell, seed: int, number: int, scratch: Path) -> dict[str, Any]:
    """Train one seed with moved weights and return its summary; checkpoints stand in ``scratch`` meanwhile."""
    module: Task = load(ASSEMBLE[cell.task])(cell, seed)
    move(module.net, number)
    history = History(None)
    try:
        with stoppable() as stop:
            device = fit(module, history, Checkpoints(scratch, cell.epochs, "", stop), None)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return summarise(module, history, device)


def repeat_cell(cell: Cell, runs: Path, out: Path, seeds: int, repeats: int) -> None:
    """Write ``repeats`` draws of the first seeds of a finished cell to a file; draws that are there are kept."""
    there = {
        (d["seed"], d["repeat"], d["fingerprint"]): d for d in (read_json(out)["repeats"] if out.is_file() else [])
    }
    draws = []
    for seed, run in enumerate(run_folders(cell, runs)[:seeds]):
        fingerprint = read_json(run / "run.json")["fingerprint"]
        for number in range(1, repeats + 1):
            identity = {"seed": seed, "repeat": number, "fingerprint": fingerprint}
            known = there.get((seed, number, fingerprint))
            draws.append(
                known or identity | {"summary": repeat(cell, seed, number, out.with_suffix(f".{seed}.{number}"))}
            )
            write_json(out, {"repeats": draws})


def repeat_all(cells: list[Cell], results: Path, repeats: int, jobs: int) -> None:
    """Repeat every cell, the longest first, in ``jobs`` processes of one thread; what is there is not repeated."""
    work = []
    for cell in cells:
        runs = results / cell.scale / "runs" / cell.experiment / cell.cell
        finished = [run / "summary.json" for run in run_folders(cell, runs) if (run / "summary.json").is_file()]
        if len(finished) < cell.seeds:
            raise UserError(f"{runs}: not finished; run snakemake first")
        work.append((sum(read_json(path)["seconds"] for path in finished), cell, runs))
    total: dict[str, float] = {}
    for seconds, cell, _ in work:
        total[cell.experiment] = total.get(cell.experiment, 0) + seconds
    spawn = get_context("spawn")  # a fork of a process that knows torch may hang
    with ProcessPoolExecutor(jobs, spawn, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        waiting = []
        for _, cell, runs in sorted(work, key=lambda one: -one[0]):
            seeds = 1 if total[cell.experiment] > LONG else cell.seeds
            out = results / cell.scale / "repeats" / cell.experiment / f"{cell.cell}.json"
            waiting.append((cell.key, pool.submit(repeat_cell, cell, runs, out, seeds, repeats)))
        for key, done in waiting:
            done.result()
            print(f"{key}: repeated", flush=True)
