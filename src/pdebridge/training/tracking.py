"""Weights & Biases: a mirror of a run's history, never its only copy, and never a reason to stop or to wait."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pdebridge.configuration.experiment import Cell
from pdebridge.configuration.settings import Tracking

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


def mode(tracking: Tracking) -> str:
    """Return ``offline``, ``online`` or ``disabled``; WANDB_MODE wins, as W&B's users expect, if it is one of these."""
    wanted = os.environ.get("WANDB_MODE", tracking.mode)
    if wanted in MODES:
        return wanted
    _say(f"WANDB_MODE={wanted} is none of {', '.join(MODES)}: tracking offline")
    os.environ["WANDB_MODE"] = "offline"
    return "offline"


@contextmanager
def tracked(cell: Cell, seed: int, tracking: Tracking, folder: Path, facts: dict[str, Any]) -> Iterator[Any]:
    """Open the W&B run of one seed, or None if tracking is disabled or impossible; `wandb` is imported only if used.

    The run's name is that of the fingerprint, so that a resumed training goes on with the same one. Runs of a cell are
    a group; W&B then shows means and spreads over seeds. The abscissa is the epoch.

    Args:
        cell: what is trained: group, name, tags.
        seed: which run of it.
        tracking: mode, project, entity.
        folder: the run's own ``wandb`` folder goes here; jobs that share one would race for its links.
        facts: the resolved configuration, provenance, ``fingerprint`` and the published targets.
    """
    run = None if mode(tracking) == "disabled" else _opened(cell, seed, tracking, folder, facts)
    if run is None:
        yield None
        return
    run.define_metric("epoch")
    run.define_metric("*", step_metric="epoch")
    try:
        yield run
    except BaseException:
        run.finish(exit_code=1)
        raise
    run.finish()


def _opened(cell: Cell, seed: int, tracking: Tracking, folder: Path, facts: dict[str, Any]) -> Any:
    """Return the run; offline where the server cannot be had, None where that fails too, each with a line."""
    import wandb

    folder.mkdir(parents=True, exist_ok=True)
    # an agent of a sweep names the run that it started; further seeds of the same process are runs of their own
    name = os.environ.pop("WANDB_RUN_ID", "") or facts["fingerprint"][:16]
    for attempt in dict.fromkeys((mode(tracking), "offline")):
        try:
            return wandb.init(
                mode=attempt,  # type: ignore[arg-type]
                id=name,
                resume="allow",
                config=facts | {"seed": seed},
                settings=wandb.Settings(silent=True, console="off", init_timeout=PATIENCE, login_timeout=PATIENCE),
                **labels(cell, seed, tracking, folder),
            )
        except Exception as error:  # there is no end to what a server, a key or a stale service raise
            os.environ.pop("WANDB_SERVICE", None)
            _say(f"Weights & Biases, {attempt}: {str(error).splitlines()[0] if str(error) else type(error).__name__}")
    _say("this run is not tracked; its history is in its folder, as always")
    return None


def labels(cell: Cell, seed: int, tracking: Tracking, folder: Path) -> dict[str, Any]:
    """Return where a run is kept and under which names; W&B itself would read its variables only once a process."""
    ours = {
        "project": tracking.project,
        "entity": tracking.entity,
        "dir": folder,
        "group": cell.key,
        "job_type": cell.experiment,
        "name": f"{cell.key}/seed-{seed}",
        "tags": [cell.scale, *cell.place().values()],
    }
    theirs = {key: os.environ[name] for key, name in VARIABLES.items() if os.environ.get(name)}
    return ours | theirs | ({"tags": theirs["tags"].split(",")} if "tags" in theirs else {})


def _say(line: str) -> None:
    print(f"pdebridge: {line}", file=sys.stderr)


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
