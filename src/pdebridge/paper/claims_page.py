"""The claims and their verdicts as pages: one that is searched in the report, one in Markdown for the docs."""

from collections.abc import Collection

import pandas as pd

from pdebridge.paper.claim_verdicts import CLAIM_VERDICTS
from pdebridge.paper.interactive import searchable
from pdebridge.paper.tables import markdown

WORDS = """\
A claim says that a statistic of our measurements lies beyond a bound, the smallest effect that the sentence promises.
*supported*: the whole 95 % interval does. *opposite*: the whole interval lies on the other side of no effect.
*not supported*: it lies short of the bound. *undecided*: the bound lies in the interval. *not run*: something that it
needs was not measured at its scale.

Sentences are ours, in the sense of the source; where one is stronger than its source, an *opposite* speaks of the
sentence. Statistics and bounds were written down after the measurements had been seen, one interval a claim, without
correction for their number: a verdict describes these runs, it is no test that was planned.
"""
SHOWN = ["claim", "verdict", "found", "wanted", "note", "statistic", "source", "scale"]
FIRST = ["opposite", "not supported"]
"""What contradicts the sentence is read first."""


def headline(table: pd.DataFrame) -> str:
    """Return how many claims have which verdict, in a sentence."""
    said = table["verdict"].value_counts()
    return f"{len(table)} claims: {', '.join(f'{said[word]} {word}' for word in CLAIM_VERDICTS if word in said)}"


def report_page(table: pd.DataFrame, caption: str, run: Collection[str]) -> str:
    """Return the page of the report: a claim leads to its figure, its statistic to the table of its experiment.

    Args:
        table: of the claims.
        caption: its title.
        run: the experiments that were run, whose figures and tables there are.
    """
    shown = table[SHOWN].assign(statistic=table["statistic"].str.replace("`", ""))
    figures = [f"figures/{figure}.png" if figure.partition("/")[0] in run else "" for figure in table["figure"]]
    tables = [f"tables/{name}.html" if name in run else "" for name in table["experiment"]]
    return searchable(shown, caption, {"claim": figures, "statistic": tables})


def docs_page(table: pd.DataFrame) -> str:
    """Return ``docs/claims.md``: a table of verdicts, then a section a claim."""
    numbers = range(1, len(table) + 1)
    short = pd.DataFrame(
        {
            "": [f"[{i}](#{name})" for i, name in zip(numbers, table["id"], strict=True)],
            **{name: table[name] for name in ("claim", "verdict", "found", "wanted", "source")},
        }
    )
    against = table[table["verdict"].isin(FIRST)]
    return "\n".join(
        [
            "<!-- Written by `pdebridge regress --pages` from config/claims.yaml and results/reference. -->",
            "# Is it true?",
            "",
            "Sentences of the survey and its references, each tested by a statistic of our measurements.",
            f"{headline(table)}.",
            "",
            WORDS,
            markdown(short),
            "## What the data contradict",
            "",
            *[f"- [{row.claim}](#{row.id}) **{row.verdict}**: {row.found}" for row in against.itertuples()],
            "",
            "## Claim by claim",
            "",
            *[line for i, (_, row) in zip(numbers, table.iterrows(), strict=True) for line in _section(i, row)],
        ]
    )


def _section(i: int, row: pd.Series) -> list[str]:
    experiment = row["experiment"]
    links = [
        f"[experiment](../config/experiments/{experiment}.yaml)",
        f"[measurements](../results/reference/{row['scale']}/{experiment}.csv)",
        *([f"figure `{row['figure']}` of the report"] if row["figure"] else []),
    ]
    return [
        f'<a id="{row["id"]}"></a>',
        "",
        f"### {i}. {row['claim']}",
        "",
        f"**{row['verdict']}** at scale {row['scale']}: {row['statistic']} is {row['found'] or 'not measured'},",
        f"wanted {row['wanted']}.",
        f"Source: {row['source']}. {', '.join(links)}.",
        "",
        *([row["note"], ""] if row["note"] else []),
    ]
