"""Artifacts of a training in Weights & Biases: its weights, and the data that it was trained on."""

import json
from pathlib import Path
from typing import Any

from pdebridge.catalogue import SOURCES
from pdebridge.configuration.experiment import Cell
from pdebridge.configuration.settings import Tracking
from pdebridge.cube import load
from pdebridge.meaning import digest
from pdebridge.records import RUN, described


def keep(run: Any, cell: Cell, seed: int, folder: Path, tracking: Tracking) -> None:
    """Log the weights of a finished training, and what they were trained on, as ``tracking.artifacts`` says.

    The client refuses to use an artifact offline: there the data set is named by the model alone, and has no edge in
    the graph of lineage.

    Args:
        run: the training's W&B run.
        cell: what was trained.
        seed: which run of it.
        folder: its directory.
        tracking: ``off``: nothing; ``final``: weights and the list of the data's files; ``all``: these files too.
    """
    if tracking.artifacts == "off":
        return
    import wandb

    said = described(folder)
    name, facts = data_of(cell)
    if not run.offline:
        data = wandb.Artifact(name, type="dataset", metadata=facts)
        _fill(data, facts, Path(cell.folders.folder) if tracking.artifacts == "all" else None)
        run.use_artifact(data)
    metadata = {"fingerprint": said["fingerprint"], "commit": said["commit"], "data": {"artifact": name, **facts}}
    model = wandb.Artifact(model_name(cell.key, seed), type="model", metadata=metadata)
    for file in ("weights.safetensors", RUN):
        model.add_file(str(folder / file), name=file)
    run.log_artifact(model, aliases=[cell.scale])


def model_name(key: str, seed: int) -> str:
    """Return the name of the artifact that holds the weights of a training."""
    return f"{key.replace('/', '-')}-seed-{seed}"


def data_of(cell: Cell) -> tuple[str, dict[str, Any]]:
    """Return the name of a data set's artifact, and what identifies it: name and options, files with checksums."""
    assert cell.subject
    _, _, learned = cell.subject
    listed = load(SOURCES[learned.name]).files if learned.name in SOURCES else ()
    files = {file.path: {"checksum": file.checksum, "addresses": list(file.addresses)} for file in listed}
    facts = {**learned.model_dump(mode="json"), "files": files}
    return f"{learned.name.replace(':', '-')}-{digest(json.dumps(facts, sort_keys=True))[:8]}", facts


def _fill(data: Any, facts: dict[str, Any], folder: Path | None) -> None:
    """Put the description into a data set's artifact, and its files where ``folder`` says that they are wanted."""
    with data.new_file("data.json", mode="w") as file:
        json.dump(facts, file, indent=2, sort_keys=True)
    for path in facts["files"] if folder else ():
        data.add_file(str(folder / path), name=path)
