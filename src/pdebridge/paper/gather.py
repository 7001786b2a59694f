"""The evidence of a finished run, or of run directories that another checkout trained."""

from pathlib import Path
from typing import Any

import pandas as pd

from pdebridge.configuration.model import SCALES
from pdebridge.errors import UserError
from pdebridge.files import read_json, whole
from pdebridge.paper.evidence import Evidence, read, read_commit
from pdebridge.paper.measurements import Key, collect

FACTS = ("commit", "dirty", "versions", "hardware", "arithmetic", "earlier")  # earlier: epochs that another machine did
LONG = 600.0  # seconds: the curve of a training that took longer is kept


def of_run(folder: Path) -> Evidence:
    """Return the evidence of a finished run, ``results/<scale>``: of trainings, studies, counts of weights, repeats."""
    table = folder / "paper" / "measurements.json"
    if not table.is_file():
        raise UserError(
            f"{table.parent}: no finished run of scale {folder.name};"
            f" run: snakemake --cores all --config scale={folder.name}"
        )
    found = Evidence(collect([table]))
    origin = _origins(folder)
    for key, measurement in found.measurements.items():
        runs = [Path(run) for run in measurement["runs"]]
        if key[:2] in origin or not runs:
            found.provenance.setdefault(key[:2], origin.get(key[:2], {}))
        else:
            found.provenance[key[:2]] = _of_runs(runs)
    found.repeats = _repeats(folder, found)
    return found


def _origins(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what studies, counts of weights and trainings say of themselves, by experiment and cell."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for part in ("weights.json", "weights/*.json", "studies/*/*.json", "runs/*/*.json"):
        for path in sorted(folder.glob(part)):
            content = read_json(path)
            facts = content.get("provenance") or _of_runs([Path(run) for run in content.get("runs", [])])
            # a training's word on its cell comes last and stands
            found |= {(m["experiment"], m["cell"]): facts for m in content["measurements"] if facts}
    return found


def _of_runs(runs: list[Path]) -> dict[str, Any]:
    """Return the provenance of a cell's runs: that of the first, and the seeds of all."""
    described = [read_json(run / "run.json") for run in runs if (run / "run.json").is_file()]
    if not described:
        return {}
    facts = {name: described[0][name] for name in FACTS if name in described[0]}
    commits = {one["commit"] for one in described}
    if len(commits) > 1:
        facts["commit"] = " ".join(sorted(map(str, commits)))
        facts["dirty"] = any(one["dirty"] for one in described)
    cpu = [one["cpu_seconds"] for one in described if "cpu_seconds" in one]
    return facts | {"seeds": [one["seed"] for one in described]} | ({"cpu_seconds": cpu} if cpu else {})


def _repeats(folder: Path, found: Evidence) -> dict[Key, dict[int, list[float]]]:
    """Return the repeats whose training is today's: others were made by other code."""
    draws: dict[Key, dict[int, list[float]]] = {}
    for path in sorted((folder / "repeats").glob("*/*.json")):
        for one in read_json(path)["repeats"]:
            run = folder / "runs" / path.parent.name / path.stem / f"seed-{one['seed']}" / "run.json"
            if not run.is_file() or read_json(run)["fingerprint"] != one["fingerprint"]:
                continue
            for quantity, value in one["summary"].items():
                key = (path.parent.name, path.stem, quantity)
                if key in found.measurements and quantity.split("/")[-1] != "seconds":
                    draws.setdefault(key, {}).setdefault(one["seed"], []).append(value)
    return draws


def of_folder(folder: Path) -> dict[str, Evidence]:
    """Return the evidence in all finished run directories under a folder, by scale, whatever commit trained them."""
    runs: dict[tuple[str, str, str], list[Path]] = {}
    for summary in sorted(folder.rglob("summary.json")):
        described = read_json(summary.with_name("run.json"))
        cell = described["cell"]
        runs.setdefault((cell["scale"], cell["experiment"], cell["cell"]), []).append(summary.parent)
    if not runs:
        raise UserError(f"{folder}: no finished run directory (summary.json beside run.json) in it")
    found: dict[str, Evidence] = {}
    for (scale, experiment, cell), folders in runs.items():
        evidence = found.setdefault(scale, Evidence())
        folders.sort(key=lambda run: read_json(run / "run.json")["seed"])
        summaries = [read_json(run / "summary.json") for run in folders]
        for quantity in summaries[0]:
            evidence.measurements[experiment, cell, quantity] = {
                "experiment": experiment,
                "cell": cell,
                "quantity": quantity,
                "values": [summary[quantity] for summary in summaries],
                "runs": [],
            }
        evidence.provenance[experiment, cell] = _of_runs(folders) | _setting(folders[0])
    return found


def _setting(run: Path) -> dict[str, Any]:
    """Return how a run's cell was trained where the file of its experiment may say otherwise."""
    cell = read_json(run / "run.json")["cell"]
    training = {name: cell["training"][name] for name in ("precision",) if name in cell.get("training", {})}
    gradient = cell.get("network", {}).get("gradient", {}).get("name")
    return {"setting": training | ({"gradient": gradient} if gradient else {})}


def histories(folder: Path, out: Path) -> list[Path]:
    """Write the curves of the long trainings under a folder beside the evidence, a file a cell; return the files."""
    frames: dict[Path, list[pd.DataFrame]] = {}
    for path in sorted(folder.rglob("history.csv")):
        run, frame = path.with_name("run.json"), pd.read_csv(path)
        if run.is_file() and frame["seconds"].iloc[-1] > LONG:
            described = read_json(run)
            cell = described["cell"]
            name = out / cell["scale"] / f"{cell['experiment']}-{cell['cell']}-history.csv"
            frames.setdefault(name, []).append(frame.assign(seed=described["seed"]))
    for name, parts in frames.items():
        with whole(name) as partial:
            pd.concat(parts).to_csv(partial, index=False)
    return list(frames)


def evidence_of(what: str, scale: str, reference: Path) -> Evidence:
    """Return the evidence that a user names.

    Args:
        what: a run's folder ``results/laptop``; a scale, its finished run or else its store; a folder of the store or
            of run directories; a file of measurements; a commit whose store is meant.
        scale: of the store, for a commit.
        reference: where the store is.
    """
    path = Path(what)
    if path.is_file():
        return Evidence(collect([path]))
    if (path / "paper" / "measurements.json").is_file():
        return of_run(path)
    if what in SCALES and not path.exists():
        run = reference.parent / what
        return of_run(run) if (run / "paper" / "measurements.json").is_file() else _known(read(reference / what), path)
    if path.is_dir():
        trained = next(path.rglob("summary.json"), None) is not None
        found = Evidence() if trained else read(path)
        for part in of_folder(path).values() if trained else ():
            found.update(part)
        return _known(found, path, scale)
    return read_commit(what, reference / scale)


def _known(found: Evidence, path: Path, scale: str = "") -> Evidence:
    if not found.measurements:
        hint = f"; did you mean {path / scale}?" if scale in SCALES and (path / scale).is_dir() else ""
        raise UserError(f"{path}: neither a finished run nor a folder of evidence{hint}")
    return found
