"""The JSON schemas that editors and Snakemake read, generated from the typed models."""

import json
from pathlib import Path
from typing import Any, Union

from pydantic import TypeAdapter

from pdebridge.configuration.load import TASKS
from pdebridge.configuration.settings import Settings
from pdebridge.files import whole

SCHEMAS: dict[str, Any] = {
    "config.schema.json": Settings,
    "experiment.schema.json": Union[tuple(experiment for experiment, _ in TASKS.values())],  # noqa: UP007 (made here)
}


def text(model: Any) -> str:
    """Return the JSON schema of a model, or of a union of models, as text."""
    schema = TypeAdapter(model).json_schema()
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}, indent=2) + "\n"


def write(folder: Path) -> None:
    """Write every schema into ``folder``."""
    for name, model in SCHEMAS.items():
        with whole(folder / name) as path:
            path.write_text(text(model), encoding="utf-8")
