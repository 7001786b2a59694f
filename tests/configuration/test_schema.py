"""The schemas that editors read are those of the models."""

from pathlib import Path

from pdebridge.configuration.schema import SCHEMAS, text

FOLDER = Path(__file__).parents[2] / "workflow" / "schemas"


def test_committed_schemas_are_current():
    for name, model in SCHEMAS.items():
        assert (FOLDER / name).read_text() == text(model), f"{name} is stale; run: pdebridge schema"


def test_every_experiment_points_to_the_schema():
    for path in (FOLDER.parents[1] / "config" / "experiments").glob("*.yaml"):
        first = path.read_text().splitlines()[0]
        assert first == "# yaml-language-server: $schema=../../workflow/schemas/experiment.schema.json", path.name
