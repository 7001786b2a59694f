"""The report's landing page."""

from typing import Any

import pandas as pd

from pdebridge.paper.beside import counts, published
from pdebridge.paper.certificates import BOUND, PROOF, certified_table
from pdebridge.paper.claims_page import headline
from pdebridge.paper.experiment_tables import of_experiment
from pdebridge.paper.measurements import Key

WORDS = """\
*better*, *worse*: the difference to the published number is significant at 5 %, a published number being one run of
our spread unless its source says otherwise, and larger than the row's threshold. *reproduced*: the difference is within
the threshold; *compatible*: it is larger and not significant. *inconclusive*: the seeds say too little, six thresholds
are not excluded. *failed*: a run of ours is not finite. *source unconfirmed*: we could not read the number in its
source, so it is not judged. Counts, closed forms and claims are compared with the threshold alone.
"""

CERTIFIED = "Games, certified: proved, estimated or none"
HEADLINES = {
    "Networks": ["validation (%)", "test (%)", "weights", "seconds"],
    "Mean field games": ["L + F + G", PROOF, BOUND, "weights", "seconds"],
}
"""What the landing page shows of a cell: the first table whose first column the cell has."""


def experiment_names(found: dict[Key, dict[str, Any]]) -> list[str]:
    """Return the experiments that were measured, in their order; counts of weights alone are none."""
    return list(dict.fromkeys(experiment for experiment, _, _ in found if experiment != "weights"))


def headlines(found: dict[Key, dict[str, Any]]) -> dict[str, pd.DataFrame]:
    """Return the headline numbers of every trained cell, networks and games apart."""
    tables = {name: of_experiment(found, name) for name in experiment_names(found)}
    pages: dict[str, pd.DataFrame] = {}
    for title, columns in HEADLINES.items():
        parts = [table.assign(experiment=name) for name, table in tables.items() if columns[0] in table]
        if parts:
            every = pd.concat(parts).fillna("")
            shown = ["experiment", "cell", "seeds", *(name for name in columns if name in every)]
            pages[title] = every.loc[(every[columns[0]] != "") & (every["weights"] != ""), shown]
    return pages


def landing(table: pd.DataFrame, claims: pd.DataFrame, scale: str) -> str:
    """Return the report's landing page as reStructuredText, one screen: verdicts by kind, and where the rest is."""
    printed = published(table)
    by_kind = counts(printed).set_index("kind").T
    by_kind = by_kind[(by_kind != 0).any(axis=1)].rename_axis("", axis=1).reset_index(names="")
    return "\n".join(
        [
            f"Deep learning and differential equations, reproduced at scale *{scale}*",
            "",
            f"**{len(printed)} published numbers, by kind**",
            "",
            *rst_table(by_kind),
            "",
            f"**{headline(claims)}**",
            "",
            "`Tables`_: the claims, every published number beside ours, sums by reference, our experiments.",
            "`Figures`_. `Runs`_: curves, configuration and provenance of every training.",
            "",
            WORDS,
            "",
        ]
    )


def summary(table: pd.DataFrame, found: dict[Key, dict[str, Any]]) -> dict[str, pd.DataFrame]:
    """Return the tables of the page that sums up a run, by their titles."""
    printed, own = published(table), table[table["kind"] == "own"]
    return {
        "Measured numbers, by reference": counts(printed[printed["kind"] == "measured"], "source"),
        **headlines(found),
        CERTIFIED: certified_table(found),
        "Checks of ourselves: numbers that this project computed and nobody printed": own.loc[
            own["ours"] != "", ["id", "source", "published", "ours", "difference", "verdict"]
        ],
    }


def rst_table(frame: pd.DataFrame) -> list[str]:
    """Return a frame as the lines of a ``list-table``."""
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in [list(frame.columns), *frame.astype(str).to_numpy().tolist()]:
        lines += [f"   {'*' if i == 0 else ' '} - {cell}" for i, cell in enumerate(row)]
    return lines
