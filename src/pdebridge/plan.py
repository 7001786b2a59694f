"""What a run will do; whatever is wrong with it is said before anything is computed. Imports no torch."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec

from pdebridge.catalogue import DRAWN_FROM
from pdebridge.configuration.experiment import Cell, Experiment
from pdebridge.configuration.load import (
    EXPERIMENTS,
    cells,
    experiment_files,
    read_experiment,
    selected,
    variants,
    with_studies,
)
from pdebridge.configuration.model import SCALES, Named
from pdebridge.configuration.segmentation import SegmentationCell
from pdebridge.configuration.series import SeriesCell
from pdebridge.configuration.settings import Settings
from pdebridge.cube import check_options, target
from pdebridge.errors import UserError
from pdebridge.meaning import parameters
from pdebridge.networks.published import PUBLISHED as NETWORKS
from pdebridge.paper.claims import check_claims, read_claims
from pdebridge.paper.published import PUBLISHED, REFERENCES, read_costs, read_published, read_references

GIVEN = {
    "study": {"runs"},
    "data set": {"seed", "folder", "mirror"},
    "volumes": {"seed", "folder", "mirror"},
    "game": {"d"},
    "series": {"seed", "sampling"},
}
"""What the code gives a kind's functions; the rest of their parameters are options."""
COUNTED = "weights"
"""The experiment under which published networks are counted; it has no file."""


@dataclass(frozen=True)
class Plan:
    """The experiments of a run by name, and their resolved cells by ``experiment/cell``."""

    experiments: dict[str, Experiment]
    cells: dict[str, Cell]


def plan(settings: Settings) -> Plan:
    """Return what the settings ask for.

    Raises:
        UserError: an experiment's file, at any scale, an override, an option of a study or a row of a table is wrong.
    """
    experiments = {e.name: e for e in selected(settings)}
    files, references = {name: read_experiment(name) for name in experiment_files()}, read_references()
    for name in {**experiments, **settings.overrides}:
        check_experiment(files[name], settings, references)
    check_tables(files, references)
    figures = {name: [figure.name for figure in e.figures] for name, e in files.items()}
    check_claims(read_claims(), {**figures, COUNTED: []}, references)
    return Plan(experiments, {cell.key: cell for e in experiments.values() for cell in cells(e, settings)})


def check_experiment(experiment: Experiment, settings: Settings, references: Iterable[str]) -> None:
    """Check an experiment at every scale, since a mistake under another scale's keys is one today."""
    where = f"{EXPERIMENTS / experiment.name}.yaml"
    _known(experiment.source.reference, references, f"{where}: source.reference", str(REFERENCES))
    for scale in SCALES:
        limits = settings.limits if scale == "test" else type(settings.limits)()
        at_scale = settings.model_copy(update={"scale": scale, "limits": limits})
        studied = with_studies(experiment, at_scale)
        names = [study.name for study in studied.studies]
        for figure in studied.figures:
            if figure.name in DRAWN_FROM and DRAWN_FROM[figure.name] not in names:
                missing = DRAWN_FROM[figure.name]
                raise UserError(f"{where}: figures: {figure.name} is drawn from the study {missing}, which is missing")
        for study in studied.studies:
            check_options_of("study", study, f"{where}: studies")
        for cell in cells(experiment, at_scale):
            if cell.subject:
                key, kind, named = cell.subject
                check_options_of(kind, named, f"{where}, cell {cell.cell!r}: {key}.options")
            if isinstance(cell, SeriesCell) and cell.series.name == "file":
                check_file(cell, f"{where}, cell {cell.cell!r}")
            if isinstance(cell, SegmentationCell) and cell.data.name == "nifti":
                check_folder(cell, f"{where}, cell {cell.cell!r}")


def check_file(cell: SeriesCell, where: str) -> None:
    """Read a series of a user's own, and refuse one that is no series or too short."""
    from pdebridge.datasets.series import Sampling, file  # numpy, which a plan without such a file does not need

    try:
        file(seed=0, sampling=Sampling(**cell.sampling.model_dump()), **cell.series.options)
    except (TypeError, ValueError) as error:
        raise UserError(f"{where}: series: {error}") from None


def check_folder(cell: SegmentationCell, where: str) -> None:
    """Look at the headers of volumes of a user's own; refuse those without masks, or with masks on other grids."""
    from pdebridge.datasets import nifti  # nibabel, which a plan without such volumes does not need

    try:
        nifti.check(**{name: value for name, value in cell.data.options.items() if name == "path"})
    except (TypeError, ValueError) as error:
        raise UserError(f"{where}: data: {error}") from None


def check_options_of(kind: str, named: Named, where: str) -> None:
    """Refuse an option that a function of a kind has no parameter for, and a module of one's own that is not there."""
    module = named.name.partition(":")[0] if ":" in named.name else ""
    if module and find_spec(module.partition(".")[0]) is None:
        raise UserError(f"{where}: {named.name}: no module {module!r} on Python's path")
    found = parameters(target(kind, named.name))
    if found is None:
        return
    try:
        check_options(named.options, [name for name in found if name not in GIVEN[kind]], f"{kind} {named.name!r}")
    except ValueError as error:
        raise UserError(f"{where}: {error}") from None


def _known(name: str, names: Iterable[str], where: str, place: str, strictly: bool = True) -> None:
    """Refuse a name that is not among ``names``; or, if not ``strictly``, one that is nearly among them."""
    names = list(names)
    near = get_close_matches(name, names, n=1)
    if name not in names and (strictly or near):
        raise UserError(f"{where}: no {name!r} in {place}{f'; did you mean {near[0]!r}?' if near else ''}")


def check_tables(experiments: dict[str, Experiment], references: Iterable[str]) -> None:
    """Check every row of the published numbers, and the costs, against the files that they name."""
    counted = [*NETWORKS, *(f"{name}/flows" for name in NETWORKS)]
    counted += [f"{name}/{cell}" for name, e in experiments.items() for cell in variants(e)]
    read_costs()
    for line, number in enumerate(read_published(), start=2):
        where, name = f"{PUBLISHED}:{line}", number.experiment
        _known(number.reference, references, f"{where}: reference", str(REFERENCES))
        if name == COUNTED:
            _known(number.cell, counted, f"{where}: cell", "the published networks and the cells of experiments")
        elif name:
            _known(name, experiments, f"{where}: experiment", str(EXPERIMENTS))
            # studies measure what no cell trained, such as a slope over cells
            made = experiments[name].studies or any("studies" in part for part in experiments[name].at.values())
            _known(number.cell, variants(experiments[name]), f"{where}: cell", f"{EXPERIMENTS / name}.yaml", not made)
