"""What goes to Weights & Biases besides the epochs of a training: finished runs, once, and the workflow's own run."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pdebridge.configuration.load import parse_cell
from pdebridge.configuration.settings import Settings, Tracking
from pdebridge.errors import UserError
from pdebridge.files import read_json
from pdebridge.provenance import commit, hardware, versions
from pdebridge.records import described, fault
from pdebridge.training.artifacts import keep, model_name
from pdebridge.training.tracking import (
    Row,
    belongs,
    by_epoch,
    forget_others,
    labels,
    log_epoch,
    mode,
    note,
    opened,
    say,
    summarised,
    with_theirs,
    workflow_id,
)

WHOLE = ("epoch",)  # columns of a history that are counts
CLAIM = ("id", "source", "published", "ours", "verdict")
SHOWN = ("id", "kind", "source", "experiment", "cell", "quantity", "published", "ours", "difference", "verdict", "runs")


def finished_runs(results: Path, scale: str) -> list[Path]:
    """Return the finished run directories of a scale; each that is not gets a line."""
    found = []
    for run in sorted((results / scale / "runs").glob("*/*/seed-*")):
        if wrong := fault(run):
            say(f"{wrong}: not sent")
        elif run.suffix != ".partial":
            found.append(run)
    return found


def upload(run: Path, tracking: Tracking) -> tuple[bool, str]:
    """Send one finished run, and note its page in ``run.json``.

    Args:
        run: the run directory.
        tracking: project, entity, artifacts; the mode does not matter.

    Returns:
        Whether it was sent now; and its page.

    Raises:
        UserError: the server cannot be had.
    """
    said = described(run)
    known = said.get("wandb") or {}
    if known.get("url"):
        return False, known["url"]
    cell, seed = parse_cell(said["cell"]), said["seed"]
    facts = {key: value for key, value in said.items() if key not in ("files", "wandb")} | {"folder": str(run)}
    name = known.get("id") or said["fingerprint"][:16]
    mirror = opened(name, ["online"], labels(cell, seed, tracking, run.parent), facts)
    if mirror is None:
        raise UserError("nothing more is sent: log in by 'wandb login', or set WANDB_BASE_URL and WANDB_API_KEY")
    sent = not mirror.resumed  # the server has it where somebody sent the offline files
    if sent:
        by_epoch(mirror)
        belongs(mirror, said, run)
        rows = read_history(run / "history.csv")
        for row in rows:
            log_epoch(mirror, row)
        summarised(mirror, read_json(run / "summary.json"), rows)
        keep(mirror, cell, seed, run, tracking)
    note(run, mirror)
    mirror.finish()
    forget_others(mirror)
    return sent, str(mirror.url)


def read_history(path: Path) -> list[Row]:
    """Return the rows of a history, counts as whole numbers."""
    with path.open(encoding="utf-8") as lines:
        return [
            {name: int(value) if name in WHOLE else float(value) for name, value in row.items()}
            for row in csv.DictReader(lines)
        ]


@contextmanager
def workflow_run(settings: Settings) -> Iterator[Any]:
    """Open the W&B run of the workflow itself, one a scale, commit and checkout; None if tracking is disabled."""
    head, folder = commit(), Path("results") / settings.scale
    if mode(settings.tracking) == "disabled":
        yield None
        return
    names = with_theirs(
        {
            "project": settings.tracking.project,
            "entity": settings.tracking.entity,
            "dir": folder,
            "group": "workflow",
            "job_type": "workflow",
            "name": f"{settings.scale} {str(head['commit'])[:10]}{' and changes' if head['dirty'] else ''}",
            "tags": [settings.scale],
        }
    )
    facts = {"settings": settings.model_dump(mode="json"), **head, "versions": versions(), "hardware": hardware()}
    name = workflow_id(settings.scale, head["commit"])
    run = opened(name, (mode(settings.tracking), "offline"), names, facts)
    yield run
    if run is not None:
        run.finish()
        forget_others(run)


def tell(run: Any, settings: Settings) -> None:
    """Give the workflow's W&B run its figures, verdicts, claims and trainings, and artifacts as the settings say.

    The summary counts verdicts. With artifacts the report and its tables are one, and online the weights of the
    trainings are its inputs.
    """
    import pandas as pd
    import wandb

    folder = Path("results") / settings.scale
    verdicts = pd.read_csv(folder / "paper" / "published.csv", keep_default_na=False, dtype=str)
    trainings = pd.DataFrame(list(_trainings(folder)))
    content: dict[str, Any] = {
        f"figures/{path.parent.name}/{path.stem}": wandb.Image(str(path))
        for path in sorted((folder / "paper" / "figures").glob("*/*.png"))
    }
    content |= {
        "verdicts": wandb.Table(dataframe=verdicts[[name for name in SHOWN if name in verdicts]]),
        "claims": wandb.Table(dataframe=verdicts.loc[verdicts["kind"] == "claim", list(CLAIM)]),
        "trainings": wandb.Table(dataframe=trainings),
    }
    run.log(content, step=0)
    counts = verdicts["verdict"].value_counts()
    run.summary.update(
        {f"verdicts/{name}": int(n) for name, n in counts.items()} | {"trainings/number": len(trainings)}
    )
    if settings.tracking.artifacts != "off":
        _report_artifact(run, settings, folder)


def _trainings(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield a row a finished training: where it is, in W&B and on disk, and how long it took."""
    for path in sorted((folder / "runs").glob("*/*.json")):
        for run in map(Path, read_json(path)["runs"]):
            said, summary = described(run), read_json(run / "summary.json")
            known = said.get("wandb") or {}
            yield {
                "cell": f"{said['cell']['experiment']}/{said['cell']['cell']}",
                "seed": said["seed"],
                "seconds": summary["seconds"],
                "W&B": known.get("url") or known.get("id") or "",
                "folder": str(run),
            }


def _report_artifact(run: Any, settings: Settings, folder: Path) -> None:
    """Log the report with tables and figures, of ``all`` arrays of studies too, and name its inputs."""
    import wandb

    if not run.offline:
        for path in sorted((folder / "runs").glob("*/*.json")):
            for one in map(Path, read_json(path)["runs"]):
                _use(run, one)
    report = wandb.Artifact(f"report-{settings.scale}", type="report", metadata={"commit": commit()["commit"]})
    report.add_file(str(folder / "report.html"), name="report.html")
    report.add_dir(str(folder / "paper"), name="paper")
    if settings.tracking.artifacts == "all":
        report.add_dir(str(folder / "studies"), name="studies") if (folder / "studies").is_dir() else None
        for history in sorted((folder / "runs").glob("*/*/seed-*/history.csv")):
            report.add_file(str(history), name=str(history.relative_to(folder)))
    run.log_artifact(report)


def _use(run: Any, training: Path) -> None:
    """Name the weights of a training as an input; those that W&B has not got are left out with a line."""
    said = described(training)
    name = model_name(f"{said['cell']['experiment']}/{said['cell']['cell']}", said["seed"])
    try:
        run.use_artifact(f"{name}:latest")
    except Exception as error:  # of a server, see `opened`
        say(f"{name}: {str(error).splitlines()[0] if str(error) else type(error).__name__}")
