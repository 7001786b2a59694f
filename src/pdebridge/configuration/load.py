"""Read, merge and validate configuration; a mistake is one line with file, key, value and what would be valid."""

import re
from copy import deepcopy
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from pdebridge.configuration.classification import ClassificationCell, ClassificationExperiment
from pdebridge.configuration.experiment import Cell, Experiment, StudyExperiment
from pdebridge.configuration.game import GameCell, GameExperiment
from pdebridge.configuration.grid import Point, nested, points
from pdebridge.configuration.model import SCALES, Named, Scale
from pdebridge.configuration.segmentation import SegmentationCell, SegmentationExperiment
from pdebridge.configuration.series import SeriesCell, SeriesExperiment
from pdebridge.configuration.settings import Limits, Settings
from pdebridge.errors import UserError
from pdebridge.files import read_text

Model = TypeVar("Model", bound=BaseModel)
Mapping = dict[str, Any]

CONFIG = Path("config/config.yaml")
EXPERIMENTS = Path("config/experiments")
# what a task's file and its resolved cells are made of; a file without the key ``task`` is a classification
TASKS: dict[str, tuple[type[Experiment], type[Cell]]] = {
    "classification": (ClassificationExperiment, ClassificationCell),
    "game": (GameExperiment, GameCell),
    "segmentation": (SegmentationExperiment, SegmentationCell),
    "series": (SeriesExperiment, SeriesCell),
    "study": (StudyExperiment, Cell),
}

IDENTITY = {"experiment", "cell", "folders", "scale", "task", "varied"}  # of a resolved cell
OF_THE_FILE = {"name", "cells", "grid", "cells_per_job", "at", "studies", "figures", "scale"}  # keys that no cell has
OF_THE_EXPERIMENT = {"studies", "grid"}  # those of them that a scale or an override replaces


class Loader(yaml.SafeLoader):
    """YAML with the numbers of its version 1.2, ``1e-3`` is one, without keys that stand twice and without loops."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse a key that stands twice, of which YAML would keep the last."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice", key.start_mark
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse an alias inside of what it stands for."""
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            if event.anchor in self.open:
                raise yaml.composer.ComposerError(None, None, f"{event.anchor!r} contains itself", event.start_mark)
            return super().compose_node(parent, index)
        anchor = self.peek_event().anchor
        self.open.append(anchor)
        try:
            return super().compose_node(parent, index)
        finally:
            self.open.pop()

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.open: list[str | None] = []


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


def read_yaml(path: Path) -> Mapping:
    """Return the mapping in a YAML file; an empty file is an empty mapping."""
    try:
        content = parse_yaml(read_text(path), str(path))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; run from the project's root, or name another file") from None
    if not isinstance(content or {}, dict):
        raise UserError(f"{path}: expected 'key: value' lines, found {type(content).__name__}")
    return content or {}


def parse_yaml(text: str, where: str) -> Any:
    """Return the content of a YAML text; raise `UserError` with one line that begins with ``where``."""
    try:
        return deepcopy(_parsed(text))
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        said = getattr(error, "problem", None) or error
        raise UserError(f"{where}{f':{mark.line + 1}' if mark else ''}: not YAML: {_one_line(said)}") from None


@lru_cache
def _parsed(text: str) -> Any:
    """Return the content of a YAML text; a plan reads each file more than once, and loading is what takes its time."""
    return yaml.load(text, Loader)


def merge(base: Mapping, *changes: Mapping) -> Mapping:
    """Return ``base`` with the changes laid over it, mapping by mapping.

    A mapping that changes its ``name`` (another data set, optimiser or dynamics) replaces the old one whole, since
    the old one's options are not its own.
    """
    merged = dict(base)
    for change in changes:
        for key, value in change.items():
            old = merged.get(key)
            same = isinstance(old, dict) and isinstance(value, dict) and value.get("name") in (None, old.get("name"))
            merged[key] = merge(old, value) if same else value  # type: ignore[arg-type]
    return merged


def parse(model: type[Model], content: Mapping, where: str) -> Model:
    """Validate a mapping; raise `UserError` with one line that begins with ``where``."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise UserError(f"{where}: {explain(model, error)}") from None


def _task(content: Mapping, where: str) -> tuple[type[Experiment], type[Cell]]:
    task = content.get("task", "classification")
    if not isinstance(task, str) or task not in TASKS:
        raise UserError(f"{where}: task: must be one of {', '.join(TASKS)} (found {task!r})")
    return TASKS[task]


def parse_experiment(content: Mapping, where: str) -> Experiment:
    """Validate the content of an experiment's file."""
    return parse(_task(content, where)[0], content, where)


def parse_cell(content: Mapping, where: str = "cell") -> Cell:
    """Validate a resolved cell."""
    return parse(_task(content, where)[1], content, where)


def explain(model: type[BaseModel], error: ValidationError) -> str:
    """Return the first mistake as ``key: what is wrong (found value); what would be valid``."""
    first = error.errors()[0]
    path = list(first["loc"])
    key = ".".join(str(part) for part in path if part not in _tags(model) and "[" not in str(part))
    if first["type"] == "extra_forbidden":
        valid = sorted(_keys(model, path[:-1]))
        near = get_close_matches(str(path[-1]), valid, n=1)
        return f"{key}: unknown key; {f'did you mean {near[0]!r}? ' if near else ''}valid: {', '.join(valid)}"
    # what a rule across keys says names them; the whole section would say nothing
    whole = first["type"] == "missing" or (first["type"] == "value_error" and isinstance(first["input"], dict))
    found = "" if whole else f" (found {first['input']!r})"
    return f"{f'{key}: ' if key else ''}{_one_line(first['msg'].removeprefix('Value error, '))}{found}"


def _tags(model: type[BaseModel]) -> set[str]:
    """Return the names by which pydantic puts the member of a union into a path; a reader did not write them."""
    schema = model.model_json_schema()
    sections = [schema, *schema.get("$defs", {}).values()]
    properties = [p for section in sections for p in section.get("properties", {}).values()]
    return {tag for p in properties for tag in p.get("discriminator", {}).get("mapping", {})}


def _one_line(message: object) -> str:
    return " ".join(str(message).split())


def _keys(model: type[BaseModel], path: list[Any]) -> set[str]:
    """Return the valid keys of the section that ``path`` leads to, through the JSON schema."""
    schema = model.model_json_schema()
    nodes = [schema]
    for part in path:
        nodes = [child for node in nodes for child in _children(node, part, schema)]
    return {key for node in nodes for leaf in _resolve(node, schema) for key in leaf.get("properties", {})}


def _resolve(node: Mapping, schema: Mapping) -> list[Mapping]:
    if "$ref" in node:
        return _resolve(schema["$defs"][node["$ref"].rsplit("/", 1)[-1]], schema)
    options = node.get("anyOf") or node.get("oneOf") or node.get("allOf")
    return [leaf for option in options for leaf in _resolve(option, schema)] if options else [node]


def _children(node: Mapping, part: Any, schema: Mapping) -> list[Mapping]:
    leaves = _resolve(node, schema)
    if isinstance(part, int):
        return [leaf["items"] for leaf in leaves if "items" in leaf]
    tagged = node.get("discriminator", {}).get("mapping", {})
    if part in tagged:
        return [{"$ref": tagged[part]}]
    named = [leaf["properties"][part] for leaf in leaves if part in leaf.get("properties", {})]
    return named or [
        leaf["additionalProperties"] for leaf in leaves if isinstance(leaf.get("additionalProperties"), dict)
    ]


def settings_from(content: Mapping, where: str = str(CONFIG)) -> Settings:
    """Validate the settings."""
    return parse(Settings, content, where)


def experiment_files(folder: Path = EXPERIMENTS) -> dict[str, Path]:
    """Return the experiments' files by name."""
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def read_experiment(name: str, folder: Path = EXPERIMENTS) -> Experiment:
    """Read and validate one experiment by its name."""
    files = experiment_files(folder)
    if name not in files:
        near = get_close_matches(name, files, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UserError(f"no experiment {name!r} in {folder}; {hint}there are: {', '.join(files) or 'none'}")
    experiment = parse_experiment({"name": name, **read_yaml(files[name])}, str(files[name]))
    if experiment.name != name:
        raise UserError(f"{files[name]}: name: must be the file's name {name!r} (found {experiment.name!r})")
    return experiment


def cells(experiment: Experiment, settings: Settings, folder: Path = EXPERIMENTS) -> list[Cell]:
    """Resolve an experiment at the settings' scale: a cell's keys, then the scale's, overrides and limits.

    Cells that need a larger scale than the experiment are left out, unless the experiment is asked for below its own.
    """
    _no_identity(experiment, settings, folder)
    if any("grid" in part for part in _replaced(experiment, settings)):
        experiment = with_studies(experiment, settings, folder)
    base = experiment.model_dump(exclude=OF_THE_FILE, exclude_unset=True)
    scaled, override = (
        {k: v for k, v in part.items() if k not in OF_THE_EXPERIMENT} for part in _replaced(experiment, settings)
    )
    return [
        _cell(experiment, name, merge(base, experiment.cells[of], scaled, override), point, settings, folder)
        for name, (of, point) in list(variants(experiment, folder).items())[: settings.limits.cells]
        if carries(settings.scale, _smallest(experiment, of, folder)) or not carries(settings.scale, experiment.scale)
    ]


def variants(experiment: Experiment, folder: Path = EXPERIMENTS) -> dict[str, tuple[str, Point]]:
    """Return the names of an experiment's cells, each with the one that it varies and its place in the grid."""
    return points(experiment.grid, list(experiment.cells), f"{folder / experiment.name}.yaml")


def _no_identity(experiment: Experiment, settings: Settings, folder: Path) -> None:
    """Refuse keys that a cell has by where it stands, which would change nothing."""
    scaled, override = _replaced(experiment, settings)
    where, said = f"{folder / experiment.name}.yaml", "follows from where the cell stands, and is not set"
    of_cells = [(f"{where}, cell {name!r}", IDENTITY - {"scale"}, keys) for name, keys in experiment.cells.items()]
    others = [(f"{where}, at {settings.scale}", scaled), (f"overrides of {experiment.name}", override)]
    others += [(f"{where}, grid", {key.partition(".")[0]: key}) for key in experiment.grid]
    for place, refused, keys in of_cells + [(place, IDENTITY, keys) for place, keys in others]:
        for key in refused & set(keys):
            raise UserError(f"{place}: {key}: {said} (found {keys[key]!r})")


def _smallest(experiment: Experiment, name: str, folder: Path) -> Scale:
    """Return the smallest scale that carries a cell: its own ``scale``, or else the experiment's."""
    scale = experiment.cells[name].get("scale", experiment.scale)
    if scale not in SCALES or not carries(scale, experiment.scale):
        where = f"{folder / experiment.name}.yaml, cell {name!r}: scale"
        raise UserError(f"{where}: must be one of {', '.join(SCALES)}, from {experiment.scale} on (found {scale!r})")
    return scale


def _replaced(experiment: Experiment, settings: Settings) -> tuple[Mapping, Mapping]:
    """Return what the scale and the settings' overrides replace."""
    return experiment.at.get(settings.scale, {}), settings.overrides.get(experiment.name, {})


def with_studies(experiment: Experiment, settings: Settings, folder: Path = EXPERIMENTS) -> Experiment:
    """Return an experiment with the studies and the grid that its scale, or an override, puts in place of its own.

    An experiment with a grid has its study and its figure.
    """
    content = experiment.model_dump(exclude_unset=True)
    replaced = [{k: part[k] for k in OF_THE_EXPERIMENT & set(part)} for part in _replaced(experiment, settings)]
    where = f"{folder / experiment.name}.yaml, scale {settings.scale}"
    found = parse_experiment(merge(content, *replaced), where)
    lists = {"studies": found.studies, "figures": found.figures} if found.grid else {}
    missing = {key: named for key, named in lists.items() if all(one.name != "sweep" for one in named)}
    return found.model_copy(update={key: [*named, Named(name="sweep")] for key, named in missing.items()})


def _cell(experiment: Experiment, name: str, content: Mapping, point: Point, settings: Settings, folder: Path) -> Cell:
    identity = {
        "experiment": experiment.name,
        "cell": name,
        "scale": settings.scale,
        "folders": settings.data.model_dump(),
        **({"varied": point} if point else {}),
    }
    where = f"{folder / experiment.name}.yaml, cell {name!r}"
    # a value of the grid stands in the cell's name: nothing replaces it
    content = merge({"seeds": experiment.seeds, **content}, *(nested(key, value) for key, value in point.items()))
    cell = parse_cell({**content, **identity}, where)
    return limited(cell, settings.limits)


def limited(cell: Cell, limits: Limits) -> Cell:
    """Cap a cell's budget."""
    seeds = min(cell.seeds, limits.seeds or cell.seeds)
    return cell.capped(limits.epochs or cell.epochs).model_copy(update={"seeds": seeds})


def selected(settings: Settings, folder: Path = EXPERIMENTS) -> list[Experiment]:
    """Return the experiments that the settings name, or all that their scale carries."""
    names = experiment_files(folder) if settings.experiments == "all" else settings.experiments
    experiments = [with_studies(read_experiment(name, folder), settings, folder) for name in names]
    for name in settings.overrides:
        read_experiment(name, folder)
    if settings.experiments != "all":
        return experiments
    return [experiment for experiment in experiments if carries(settings.scale, experiment.scale)]


def carries(scale: Scale, smallest: Scale) -> bool:
    """Tell whether a scale is at least as large as an experiment's smallest; ``test`` carries what laptop does."""
    return max(SCALES.index(scale), SCALES.index("laptop")) >= SCALES.index(smallest)
