"""``config/published.csv``: every published number, where it stands, and how sure we are of it."""

import csv
import io
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field

from pdebridge.configuration.load import parse, read_yaml
from pdebridge.configuration.model import Scale, Strict
from pdebridge.errors import UserError
from pdebridge.files import read_text

PUBLISHED = Path("config/published.csv")
REFERENCES = Path("config/references.yaml")
COSTS = Path("config/costs.yaml")

Kind = Literal["measured", "count", "closed-form", "claim", "own"]
KINDS: tuple[Kind, ...] = get_args(Kind)
EXACT: tuple[Kind, ...] = ("count", "closed-form", "claim")


def _blank(text: object) -> object:
    """Return None for an empty field of the file."""
    return None if text == "" else text


class PublishedNumber(Strict):
    """One row: a number that somebody printed, or that follows in closed form from what they printed."""

    id: Annotated[str, Field(min_length=1)]
    """Unique slug."""
    reference: str
    """Key of ``config/references.yaml``."""
    locator: str
    """Table, page, figure or file."""
    experiment: str
    """Which experiment measures it; empty if none does yet."""
    cell: str
    """Which cell of it."""
    quantity: str
    """Its name in a run's summary, such as ``test/accuracy``."""
    value: float
    unit: str
    kind: Kind
    """What kind of number it is; `EXACT` kinds have no statistics, the threshold alone decides."""
    direction: Literal["higher", "lower", "none"]
    """Which side is better."""
    threshold: Annotated[float, Field(ge=0)]
    """Differences up to this, in the unit of the value, do not matter."""
    runs: Annotated[Annotated[int, Field(ge=1)] | None, BeforeValidator(_blank)] = None
    """Of how many runs the value is the mean; None where the source does not say so, which is taken as one."""
    spread: Annotated[Annotated[float, Field(gt=0)] | None, BeforeValidator(_blank)] = None
    """Standard deviation of the source's runs, where it prints one."""
    epochs: Annotated[Annotated[int, Field(ge=1)] | None, BeforeValidator(_blank)] = None
    """Epochs of the source's training; a run of another budget is not compared. None where it is not known."""
    status: Literal["confirmed", "secondary", "unconfirmed", "derived"]
    """How the number is known; an unconfirmed one gets no verdict."""
    scale: Scale
    """The smallest scale whose runs use the published setting."""
    note: Annotated[str, BeforeValidator(lambda text: text or "")] = ""


def read_published(path: Path = PUBLISHED) -> list[PublishedNumber]:
    """Read and validate every row; raise `UserError` with file and line."""
    try:
        rows = list(csv.DictReader(io.StringIO(read_text(path), newline="")))
    except (OSError, csv.Error) as error:
        raise UserError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    numbers = [parse(PublishedNumber, row, f"{path}:{line}") for line, row in enumerate(rows, start=2)]
    ids = [number.id for number in numbers]
    twice = {name for name in ids if ids.count(name) > 1}
    if twice:
        raise UserError(f"{path}: id: must be unique (found twice: {', '.join(sorted(twice))})")
    return numbers


def check_quantities(numbers: Iterable[PublishedNumber], found: Iterable[tuple[str, str, str]]) -> None:
    """Refuse a row whose quantity is nearly one that its cell measured: it would be called not run."""
    measured: dict[tuple[str, str], list[str]] = {}
    for experiment, cell, quantity in found:
        measured.setdefault((experiment, cell), []).append(quantity)
    for number in numbers:
        names = measured.get((number.experiment, number.cell), [])
        near = get_close_matches(number.quantity, names, n=1, cutoff=0.92)
        if near and number.quantity not in names:
            raise UserError(f"{PUBLISHED}: {number.id}: no quantity {number.quantity!r}; did you mean {near[0]!r}?")


def read_references(path: Path = REFERENCES) -> dict[str, dict[str, object]]:
    """Return ``{key: {citation, survey}}``; ``survey`` is the number in the SIAM article's list, or None."""
    references: dict[str, dict[str, object]] = read_yaml(path)
    return references


def read_costs(path: Path = COSTS) -> dict[str, str]:
    """Return what it would take to run published numbers, by the beginning of their ids."""
    costs: dict[str, str] = read_yaml(path)
    return costs
