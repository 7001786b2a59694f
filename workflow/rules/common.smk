# Configuration becomes lists of files; nothing here knows any mathematics.
import json
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

from pdebridge.configuration.load import settings_from
from pdebridge.catalogue import SOURCES
from pdebridge.errors import UserError
from pdebridge.meaning import meaning
from pdebridge.plan import plan
from pdebridge.records import stale
from pdebridge.training.fingerprint import code_and_data
from pdebridge.training.gpus import takes_gpu

# `pdebridge` is the one installed beside the snakemake that runs, also where no environment was activated
shell.prefix(f'export PATH="$PATH:{Path(sys.executable).parent}"; ')


def checked(build):
    """Turn a mistake in the configuration into Snakemake's one-line error, before anything is planned."""
    try:
        return build()
    except UserError as error:
        raise WorkflowError(str(error))


settings = checked(lambda: settings_from(config))
settings_json = settings.model_dump_json()
# not parameters of a rule: how a training is watched, and where it runs, replans nothing
tracking_json = settings.tracking.model_dump_json()
accelerator = settings.accelerator
PLAN = checked(lambda: plan(settings))
EXPERIMENTS, CELLS = PLAN.experiments, PLAN.cells

RESULTS = f"results/{settings.scale}"
PAPER = f"{RESULTS}/paper"
CELL_FILES = [f"{RESULTS}/runs/{key}.json" for key in CELLS]
WEIGHT_FILES = [
    f"{RESULTS}/weights/{name}.json"
    for name in sorted({c.experiment for c in CELLS.values()})
]
WEIGHT_FILES.append(f"{RESULTS}/weights.json")
STUDY_FILES = [
    f"{RESULTS}/studies/{e.name}/{study.name}.json"
    for e in EXPERIMENTS.values()
    for study in e.studies
]
FIGURE_FILES = [
    f"{PAPER}/figures/{e.name}/{figure.name}{suffix}"
    for e in EXPERIMENTS.values()
    for figure in e.figures
    for suffix in (".png", ".pdf")
]
PAGES = [f"{PAPER}/runs/{key}{suffix}" for key in CELLS for suffix in (".png", ".html")]


def resolved(cell):
    """A cell as JSON; the data folder only where data are read from it, so that moving it replans nothing else."""
    return cell.model_dump_json(exclude=None if fetched(cell) else {"folders"})


def fetched(cell):
    """The list of verified files that a cell's data set needs."""
    name = cell.subject[-1].name
    return [f"{settings.data.folder}/{name}.json"] if name in SOURCES else []


def memory(cell):
    """Megabytes of a job: a process that reads CIFAR-10 whole took 5 GB, the published games in d = 100 took 4.3."""
    return (
        12000 * cell.devices if fetched(cell) else 6000 if cell.task == "game" else 2000
    )


def gpus(cell):
    """GPUs of a training: none where its layers are too small for one, and at the scales of a CPU."""
    return (
        cell.devices
        if settings.scale == "cluster" and takes_gpu(cell, settings.accelerator)
        else 0
    )


def cells_of(experiment):
    """The resolved cells of an experiment."""
    return [cell for cell in CELLS.values() if cell.experiment == experiment]


def cell_files(experiment):
    """The measurements of every cell of an experiment."""
    return [f"{RESULTS}/runs/{cell.key}.json" for cell in cells_of(experiment)]


def built(experiment):
    """The file that says how the cells of an experiment were built, if it has any."""
    return [f"{RESULTS}/weights/{experiment}.json"] if cells_of(experiment) else []


HOURS = ("workstation", "cluster")


def long(cell):
    """Whether each seed of a cell is a job: where the experiment is one of hours, and is run at a scale of hours."""
    return settings.scale in HOURS and EXPERIMENTS[cell.experiment].scale in HOURS


def batches(experiment):
    """The cells of an experiment as (experiment, number, cells that one job trains)."""
    every = [cell for cell in cells_of(experiment) if not long(cell)]
    size = EXPERIMENTS[experiment].cells_per_job
    return [
        (experiment, i // size + 1, every[i : i + size])
        for i in range(0, len(every), size)
    ]


BATCHES = [batch for name in EXPERIMENTS for batch in batches(name)]
SEEDS = [
    (key, seed)
    for key, cell in CELLS.items()
    if long(cell)
    for seed in range(cell.seeds)
]
SEED_FILES = [f"{RESULTS}/runs/{key}/seed-{seed}.json" for key, seed in SEEDS]


if workflow.is_main_process:
    # what is no longer as it was written says something false: without it, it is planned, and made, again
    for path in map(Path, [*CELL_FILES, *SEED_FILES, *STUDY_FILES, *WEIGHT_FILES]):
        if wrong := stale(path):
            print(f"{wrong}: {path} is made again", file=sys.stderr)
            path.unlink()


def study_options(w):
    """The options of a study, as JSON."""
    named = {s.name: s for s in EXPERIMENTS[w.experiment].studies}
    return json.dumps(named[w.study].options)


wildcard_constraints:
    dataset="[a-z0-9-]+",
    experiment="[A-Za-z0-9][A-Za-z0-9._-]*",
    cell="[A-Za-z0-9][A-Za-z0-9._-]*",
    figure="[A-Za-z0-9][A-Za-z0-9._-]*",
    study="[A-Za-z0-9][A-Za-z0-9._-]*",
