"""Weights & Biases: a mirror of a run's history, never its only copy, and never a reason to stop or to wait."""

import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pdebridge.configuration.experiment import Cell
from pdebridge.configuration.settings import Tracking
from pdebridge.files import write_json
from pdebridge.meaning import digest
from pdebridge.records import RUN, described

MODES = ("offline", "online", "disabled")
# what W&B reads from the environment wins over what we would say
VARIABLES = {
    "project": "WANDB_PROJECT",
    "entity": "WANDB_ENTITY",
    "dir": "WANDB_DIR",
    "group": "WANDB_RUN_GROUP",
    "job_type": "WANDB_JOB_TYPE",
    "name": "WANDB_NAME",
    "tags": "WANDB_TAGS",
}
PATIENCE = 20.0  # seconds in which a server answers, or the run is tracked offline
Row = dict[str, float]
Labels = dict[str, Any]


def mode(tracking: Tracking) -> str:
    """Return ``offline``, ``online`` or ``disabled``; WANDB_MODE wins, as W&B's users expect, if it is one of these."""
    wanted = os.environ.get("WANDB_MODE", tracking.mode)
    if wanted in MODES:
        return wanted
    say(f"WANDB_MODE={wanted} is none of {', '.join(MODES)}: tracking offline")
    os.environ["WANDB_MODE"] = "offline"
    return "offline"


@contextmanager
def tracked(cell: Cell, seed: int, tracking: Tracking, folder: Path, facts: dict[str, Any]) -> Iterator[Any]:
    """Open the W&B run of one seed, or None if tracking is disabled or impossible; `wandb` is imported only if used.

    The run's name is that of the fingerprint, so that a resumed training goes on with the same one. Runs of a cell are
    a group; W&B then shows means and spreads over seeds. The abscissa is the epoch. Once the training is finished, its
    run holds every epoch, and what an interrupted one has left on disk under the same name goes away.

    Args:
        cell: what is trained: group, name, tags.
        seed: which run of it.
        tracking: mode, project, entity.
        folder: the run's own ``wandb`` folder goes here; jobs that share one would race for its links.
        facts: the resolved configuration, provenance, ``fingerprint`` and the published targets.
    """
    if mode(tracking) == "disabled":
        yield None
        return
    # an agent of a sweep names the run that it started; further seeds of the same process are runs of their own
    name = os.environ.pop("WANDB_RUN_ID", "") or facts["fingerprint"][:16]
    run = opened(name, (mode(tracking), "offline"), labels(cell, seed, tracking, folder), facts | {"seed": seed})
    if run is None:
        say("this run is not tracked; its history is in its folder, as always")
        yield None
        return
    by_epoch(run)
    belongs(run, facts, Path(facts["folder"]))
    try:
        yield run
    except BaseException:
        run.finish(exit_code=1)
        raise
    run.finish()
    forget_others(run)


def opened(name: str, modes: Iterable[str], labels: Labels, facts: dict[str, Any]) -> Any:
    """Return the W&B run of a name, in the first of the modes that works; None, with a line each, if none does.

    A mode may stand twice: the first attempt may fail for a service of the client that is gone.
    """
    import wandb

    # W&B writes from a process of its own, which may stand in another folder
    labels = labels | {"dir": Path(labels["dir"]).absolute()}
    labels["dir"].mkdir(parents=True, exist_ok=True)
    for attempt in modes:
        try:
            return wandb.init(
                mode=attempt,  # type: ignore[arg-type]
                id=name,
                resume="allow",
                config=facts,
                settings=wandb.Settings(silent=True, console="off", init_timeout=PATIENCE, login_timeout=PATIENCE),
                **labels,
            )
        except Exception as error:  # there is no end to what a server, a key or a stale service raise
            os.environ.pop("WANDB_SERVICE", None)
            say(f"Weights & Biases, {attempt}: {str(error).splitlines()[0] if str(error) else type(error).__name__}")
    return None


def labels(cell: Cell, seed: int, tracking: Tracking, folder: Path) -> Labels:
    """Return where a run is kept and under which names; W&B itself would read its variables only once a process."""
    return with_theirs(
        {
            "project": tracking.project,
            "entity": tracking.entity,
            "dir": folder,
            "group": cell.key,
            "job_type": cell.experiment,
            "name": f"{cell.key}/seed-{seed}",
            "tags": [cell.scale, *cell.place().values()],
        }
    )


def with_theirs(ours: Labels) -> Labels:
    """Return labels with those that W&B's variables say in the place of ours."""
    theirs = {key: os.environ[name] for key, name in VARIABLES.items() if os.environ.get(name)}
    return ours | theirs | ({"tags": theirs["tags"].split(",")} if "tags" in theirs else {})


def say(line: str) -> None:
    """Print a line of ours."""
    print(f"pdebridge: {line}", file=sys.stderr)


def by_epoch(run: Any) -> None:
    """Let a run's abscissa be the epoch."""
    run.define_metric("epoch")
    run.define_metric("*", step_metric="epoch")


def log_epoch(run: Any, row: Row) -> None:
    """Log an epoch's figures, unless the server has them from an interrupted training: no epoch is there twice."""
    if row["epoch"] >= run.starting_step:
        run.log(row, step=int(row["epoch"]), commit=True)


def summarised(run: Any, summary: Row, rows: list[Row]) -> None:
    """Give a run the figures of its network: those of ``summary.json``, and the best of each epoch's ``val/...``."""
    names = [name for name in rows[-1] if name.startswith("val/")]
    best = {f"best/{name}": _best(name)(row[name] for row in rows) for name in names}
    run.summary.update(best | summary)


def _best(name: str) -> Any:
    return max if name.endswith("accuracy") else min


def address(run: Any) -> dict[str, str | None]:
    """Return where a run is found in W&B: its name, and its page unless it is offline."""
    return {"id": run.id, "url": None if run.offline else run.url}


def workflow_id(scale: str, commit: str | None) -> str:
    """Return the name of the W&B run of a workflow: one a scale, commit and checkout."""
    return f"{scale}-{digest(str(commit), str(Path.cwd()))[:12]}"


def workflow_of(said: dict[str, Any], folder: Path, run: Any) -> dict[str, Any] | None:
    """Return name and page of the workflow's W&B run, and the report, of a training of the workflow; of others None.

    Args:
        said: what the run directory says of itself.
        folder: the run directory, ``results/SCALE/runs/EXPERIMENT/CELL/seed-0``.
        run: the training's W&B run.
    """
    parents = folder.parents
    if len(parents) < 4 or parents[2].name != "runs":
        return None
    name, page = workflow_id(parents[3].name, said.get("commit")), address(run)["url"]
    beside = f"{page.rpartition('/')[0]}/{name}" if page else None
    return {"id": name, "url": beside, "report": str(parents[3] / "report.html")}


def belongs(run: Any, said: dict[str, Any], folder: Path) -> None:
    """Let a training's page lead to that of its workflow, if it is one of a workflow's."""
    if workflow := workflow_of(said, folder, run):
        run.config.update({"workflow": workflow}, allow_val_change=True)
        if not os.environ.get("WANDB_NOTES"):
            run.notes = f"workflow: {workflow['url'] or workflow['id']}; report: {workflow['report']}"


def note(folder: Path, run: Any) -> None:
    """Write into ``run.json`` where a training is found in W&B, and the workflow that it belongs to."""
    said = described(folder)
    write_json(folder / RUN, said | {"wandb": address(run) | {"workflow": workflow_of(said, folder, run)}})


def forget_others(run: Any) -> None:
    """Remove what earlier processes have left on disk of a run that is whole now: `wandb sync` is to send it once."""
    mine = Path(run.dir).parent
    name = re.compile(rf"run-{re.escape(run.id)}(-\d+)?\.wandb")  # numbered where two began in one second
    for kept in mine.parent.glob("*run-*/run-*.wandb"):
        if name.fullmatch(kept.name) and kept.parent != mine and not kept.parent.is_symlink():
            shutil.rmtree(kept.parent, ignore_errors=True)
