"""``config/published.csv``: every published number, where it stands, and how sure we are of it."""

import csv
from pathlib import Path
from typing import Annotated, Literal, get_args

import yaml
from pydantic import BeforeValidator, Field

from pdebridge.configuration.load import parse
from pdebridge.configuration.model import Scale, Strict
from pdebridge.errors import UserError

PUBLISHED = Path("config/published.csv")
REFERENCES = Path("config/references.yaml")

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
        with path.open(newline="", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    numbers = [parse(PublishedNumber, row, f"{path}:{line}") for line, row in enumerate(rows, start=2)]
    ids = [number.id for number in numbers]
    twice = {name for name in ids if ids.count(name) > 1}
    if twice:
        raise UserError(f"{path}: id: must be unique (found twice: {', '.join(sorted(twice))})")
    return numbers


def read_references(path: Path = REFERENCES) -> dict[str, dict[str, object]]:
    """Return ``{key: {citation, survey}}``; ``survey`` is the number in the SIAM article's list, or None."""
    references: dict[str, dict[str, object]] = yaml.safe_load(path.read_text())
    return references
