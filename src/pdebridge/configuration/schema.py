"""The JSON schemas that editors and Snakemake read, generated from the typed models."""

import json
from pathlib import Path

from pydantic import BaseModel

from pdebridge.configuration.experiment import Experiment
from pdebridge.configuration.settings import Settings

SCHEMAS: dict[str, type[BaseModel]] = {
    "config.schema.json": Settings,
    "experiment.schema.json": Experiment,
}


def text(model: type[BaseModel]) -> str:
    """Return a model's JSON schema as text."""
    schema = model.model_json_schema()
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}, indent=2) + "\n"


def write(folder: Path) -> None:
    """Write every schema into ``folder``."""
    for name, model in SCHEMAS.items():
        (folder / name).write_text(text(model))
