"""``config/claims.yaml``: sentences of the survey and its references, and the statistic that tests each of them."""

import csv
import io
import re
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from pdebridge.configuration.experiment import Source
from pdebridge.configuration.load import parse, read_yaml
from pdebridge.configuration.model import SCALES, Scale, Strict
from pdebridge.errors import UserError
from pdebridge.files import read_json, read_text

CLAIMS = Path("config/claims.yaml")
STORE = Path("results/reference")

Statistic = Literal["value", "difference", "ratio", "slope"]
Measured = tuple[str, str, str]
"""Experiment, cell and quantity."""
NAMED = re.compile(r"\{([^/{}]+)/([^:{}]+): ([^{}]+)\}")
Said = Annotated[str, Field(min_length=1)]


class Claim(Strict):
    """A sentence, where it stands, and what would have to be measured for it to be true.

    With measurements ``x``, ``y`` the statistic is the `value` ``x``, the `difference` ``x - y``, the `ratio`
    ``x / y`` or the `slope` of ``log x`` over the logarithm of the abscissa. The claim is that it lies beyond
    ``bound`` on the side ``holds``.
    """

    claim: Said
    """The sentence, in the sense of its source."""
    source: Source
    """Where it stands."""
    statistic: Statistic
    of: Measured | dict[float, Measured]
    """Experiment, cell and quantity; for a slope one of them for every abscissa."""
    against: Measured | None = None
    """What a difference or a ratio is taken with."""
    holds: Literal["above", "below"]
    """On which side of the bound the claim holds."""
    bound: float
    """The smallest effect that the sentence promises."""
    null: float | None = None
    """Where there is no effect: beyond it the opposite is true. None where the sentence has no opposite."""
    scale: Scale = "laptop"
    """At which scale it is tested."""
    computed: bool = False
    """Whether a single value is a number without chance; one seed of a training is not."""
    figure: Annotated[str, Field(pattern=r"^[\w.-]+/[\w-]+$")] | None = None
    """``experiment/figure`` that shows it."""
    note: str = ""
    """What was seen when the number was looked into: why it is so, and what it does not say. A number in it is named,
    ``{experiment/cell: quantity}``, and written from the measurements."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.statistic == "slope") != isinstance(self.of, dict):
            raise ValueError("of: a slope takes 'abscissa: [experiment, cell, quantity]', any other statistic one list")
        if isinstance(self.of, dict) and (len(self.of) < 3 or min(self.of) <= 0):
            raise ValueError("of: a slope takes at least three abscissas, all positive")
        if (self.statistic in ("difference", "ratio")) != (self.against is not None):
            raise ValueError("against: a difference and a ratio take it, a value and a slope do not")
        sign = 1 if self.holds == "above" else -1
        if self.null is not None and sign * (self.bound - self.null) < 0:
            raise ValueError(f"null: no effect cannot be {self.holds} the bound")
        return self

    def measured(self) -> list[Measured]:
        """Return what the statistic is computed from."""
        first = list(self.of.values()) if isinstance(self.of, dict) else [self.of]
        return [*first, *([self.against] if self.against else [])]

    def named(self) -> list[Measured]:
        """Return what the note takes numbers from."""
        return [(experiment, cell, quantity) for experiment, cell, quantity in NAMED.findall(self.note)]


def read_claims(path: Path = CLAIMS) -> dict[str, Claim]:
    """Read and validate every claim; raise `UserError` with file and name."""
    content = read_yaml(path)
    return {str(name): parse(Claim, _mapping(path, name, claim), f"{path}: {name}") for name, claim in content.items()}


def _mapping(path: Path, name: str, claim: Any) -> dict[str, Any]:
    if not isinstance(claim, dict):
        raise UserError(f"{path}: {name}: expected the keys of a claim (found {claim!r})")
    return claim


def check_claims(
    claims: Mapping[str, Claim],
    figures: Mapping[str, Collection[str]],
    references: Iterable[str],
    store: Path = STORE,
) -> None:
    """Refuse a claim on an experiment, a figure or a source that is not there, or on what nobody measured.

    Args:
        claims: by name.
        figures: of every experiment.
        references: keys of the sources.
        store: of evidence; what it holds of an experiment is what can be claimed of it.
    """
    every = {name: [*claim.measured(), *claim.named()] for name, claim in claims.items()}
    kept = {key[0]: _quantities(store, key[0]) for keys in every.values() for key in keys}
    for name, claim in claims.items():
        where = f"{CLAIMS}: {name}"
        _among(claim.source.reference, references, f"{where}: source.reference")
        for experiment, cell, quantity in every[name]:
            _among(experiment, figures, f"{where}: experiment")
            if kept[experiment]:
                _among(cell, kept[experiment], f"{where}: cell of {experiment}")
                _among(quantity, kept[experiment][cell], f"{where}: quantity of {experiment}/{cell}")
        if claim.figure:
            experiment, figure = claim.figure.split("/")
            _among(experiment, figures, f"{where}: figure")
            _among(figure, figures[experiment], f"{where}: figure of {experiment}")


def _among(name: str, names: Iterable[str], where: str) -> None:
    known = list(names)
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known[:8])}"
        raise UserError(f"{where}: no {name!r}; {hint}")


def _quantities(store: Path, experiment: str) -> dict[str, list[str]]:
    """Return what the store of any scale has measured, by cell; times stand with the provenance."""
    found: dict[str, list[str]] = {}
    for scale in SCALES:
        table, facts = (store / scale / f"{experiment}{suffix}" for suffix in (".csv", ".json"))
        for row in csv.DictReader(io.StringIO(read_text(table))) if table.is_file() else ():
            found.setdefault(row["cell"], []).append(row["quantity"])
        for group in read_json(facts) if facts.is_file() else ():
            for cell, times in group["times"].items():
                found.setdefault(cell, []).extend(times)
    return found
