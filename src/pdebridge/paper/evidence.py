"""``results/reference/<scale>``: the store of evidence, an experiment at a time.

``EXPERIMENT.csv`` has a row a quantity: ``cell, quantity, values``, one value a seed, with all digits. A number that is
left only as an earlier page printed it stands as ``mean ± half-width of n``, its 95 % interval.
``EXPERIMENT.json`` says where they come from, cell by cell: commit, machine, versions, arithmetic, seeds, seconds.
``EXPERIMENT.repeats.csv`` has further draws: trainings whose initial weights were moved by an ulp.
``EXPERIMENT-history.csv`` is the curve of a long training.
"""

import csv
import io
import json
import re
import subprocess
from dataclasses import dataclass, field
from math import nan, sqrt
from pathlib import Path
from typing import Any

from pdebridge.configuration.model import SCALES
from pdebridge.errors import UserError
from pdebridge.files import whole
from pdebridge.paper.measurements import Key
from pdebridge.paper.verdict import Interval, interval, quantile

REFERENCE = Path("results/reference")
Cell = tuple[str, str]
Found = dict[Key, dict[str, Any]]
COLUMNS = ("cell", "quantity", "values")
REPEAT_COLUMNS = ("cell", "quantity", "seed", "values")


@dataclass
class Evidence:
    """Measurements of some experiments, where each cell's come from, and its repeats.

    Attributes:
        measurements: ``{experiment, cell, quantity, values, runs}`` by key; ``summary``, an `Interval`, in place of
            values that are left only as a mean with its interval.
        provenance: by experiment and cell.
        repeats: further draws by key and seed.
    """

    measurements: Found = field(default_factory=dict)
    provenance: dict[Cell, dict[str, Any]] = field(default_factory=dict)
    repeats: dict[Key, dict[int, list[float]]] = field(default_factory=dict)

    def experiments(self) -> list[str]:
        """Return the experiments that were measured."""
        return list(dict.fromkeys(key[0] for key in self.measurements))

    def of(self, experiment: str) -> "Evidence":
        """Return what belongs to one experiment."""
        return Evidence(
            {key: m for key, m in self.measurements.items() if key[0] == experiment},
            {cell: facts for cell, facts in self.provenance.items() if cell[0] == experiment},
            {key: draws for key, draws in self.repeats.items() if key[0] == experiment},
        )

    def update(self, other: "Evidence") -> None:
        """Take what another holds, cell by cell: a cell that was measured anew loses its old numbers and repeats."""
        cells = {key[:2] for key in other.measurements}
        for table in (self.measurements, self.repeats):
            for key in [key for key in table if key[:2] in cells]:
                del table[key]
        self.measurements |= other.measurements
        self.provenance |= other.provenance
        self.repeats |= other.repeats


def interval_of(measurement: dict[str, Any]) -> Interval:
    """Return the interval of a measurement, of its values or as it was printed."""
    return measurement["summary"] if "summary" in measurement else interval(measurement["values"])


def timed(quantity: str) -> bool:
    """Tell whether a quantity is a time: it belongs to the machine and stands with the provenance."""
    return quantity.split("/")[-1] == "seconds"


def write(evidence: Evidence, folder: Path) -> None:
    """Write the files of every experiment of ``evidence``, each whole; other experiments' are left alone."""
    for name in evidence.experiments():
        for suffix, text in texts(evidence.of(name)).items():
            with whole(folder / f"{name}{suffix}") as path:
                path.write_text(text, encoding="utf-8")
        if not evidence.of(name).repeats:
            (folder / f"{name}.repeats.csv").unlink(missing_ok=True)


def texts(one: Evidence) -> dict[str, str]:
    """Return the files of one experiment's evidence by their suffix."""
    rows = [(c, q, _shown(m)) for (_, c, q), m in one.measurements.items() if not timed(q)]
    found = {".csv": _csv(COLUMNS, sorted(rows, key=_natural)), ".json": json.dumps(_described(one), indent=1) + "\n"}
    if one.repeats:
        draws = [(c, q, seed, _joined(v)) for (_, c, q), seeds in one.repeats.items() for seed, v in seeds.items()]
        found[".repeats.csv"] = _csv(REPEAT_COLUMNS, sorted(draws, key=_natural))
    return found


def _natural(row: tuple[Any, ...]) -> list[Any]:
    """Return a key that sorts cell ``T5`` before ``T20``."""
    return [[(word, int(n or 0)) for word, n in re.findall(r"(\D+|^)(\d*)", row[0])], *row[1:]]


def _described(one: Evidence) -> list[dict[str, Any]]:
    """Return the provenance, cells of the same origin together, with the times of each."""
    groups: dict[str, dict[str, Any]] = {}
    for (experiment, cell), facts in one.provenance.items():
        group = groups.setdefault(json.dumps(facts, sort_keys=True), {**facts, "times": {}})
        group["times"][cell] = {
            key[2]: [round(t, 3) for t in m["values"]]
            for key, m in one.measurements.items()
            if key[:2] == (experiment, cell) and timed(key[2])
        }
    return list(groups.values())


def _csv(columns: tuple[str, ...], rows: list[Any]) -> str:
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return lines.getvalue()


def _joined(values: list[float]) -> str:
    return " ".join(map(repr, values))


def _shown(measurement: dict[str, Any]) -> str:
    if "summary" not in measurement:
        return _joined(measurement["values"])
    one = measurement["summary"]
    return f"{one.mean!r} ± {one.high - one.mean:.6g} of {one.n}"


def _number(text: str) -> float:
    return int(text) if text.lstrip("-").isdigit() else float(text)


def _measured(text: str) -> dict[str, Any]:
    if "±" not in text:
        return {"values": [_number(part) for part in text.split()]}
    mean, _, half, _, n = text.split()
    m, h, count = float(mean), float(half), int(n)
    return {"values": [], "summary": Interval(count, m, h * sqrt(count) / quantile(count - 1), m - h, m + h)}


def parse(files: dict[str, str]) -> Evidence:
    """Return the evidence in the store's files, given by name."""
    found = Evidence()
    for name, text in sorted(files.items()):
        experiment, _, suffix = name.partition(".")
        if suffix == "csv" and not experiment.endswith("-history"):
            for row in csv.DictReader(io.StringIO(text)):
                key = (experiment, row["cell"], row["quantity"])
                found.measurements[key] = _identity(key) | _measured(row["values"])
        elif suffix == "json":
            for group in json.loads(text):
                _take(found, experiment, group)
        elif suffix == "repeats.csv":
            for row in csv.DictReader(io.StringIO(text)):
                draws = found.repeats.setdefault((experiment, row["cell"], row["quantity"]), {})
                draws[int(row["seed"])] = [_number(part) for part in row["values"].split()]
    return found


def _identity(key: Key) -> dict[str, Any]:
    return {"experiment": key[0], "cell": key[1], "quantity": key[2], "runs": []}


def _take(found: Evidence, experiment: str, group: dict[str, Any]) -> None:
    facts = {name: value for name, value in group.items() if name != "times"}
    for cell, times in group["times"].items():
        found.provenance[experiment, cell] = facts
        for quantity, values in times.items():
            key = (experiment, cell, quantity)
            found.measurements[key] = _identity(key) | {"values": values}


def read(folder: Path) -> Evidence:
    """Read one scale's evidence; a folder that is not there holds none."""
    files = [path for path in folder.glob("*") if path.suffix in (".csv", ".json")] if folder.is_dir() else []
    return parse({path.name: path.read_text(encoding="utf-8") for path in files})


def read_commit(commit: str, folder: Path) -> Evidence:
    """Read one scale's evidence as it stood at a commit."""
    try:
        names = _git("ls-tree", "--name-only", f"{commit}:{folder.as_posix()}").splitlines()
        files = {name: _git("show", f"{commit}:{folder.as_posix()}/{name}") for name in names if "." in name}
    except (OSError, subprocess.CalledProcessError):
        raise UserError(f"{commit}: neither a folder, nor a file, nor a commit with {folder}") from None
    return parse({name: text for name, text in files.items() if name.endswith((".csv", ".json"))})


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout


def read_all(folder: Path = REFERENCE) -> dict[str, Evidence]:
    """Return the evidence of every scale that has some, by scale."""
    found = {scale: read(folder / scale) for scale in SCALES}
    return {scale: evidence for scale, evidence in found.items() if evidence.measurements}


def epochs(found: Found, key: Key) -> float:
    """Return the epochs of a cell's training; nan where it has none."""
    trained = found.get((key[0], key[1], "epochs"))
    return float(trained["values"][0]) if trained and trained["values"] else nan
