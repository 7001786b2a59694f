"""The verdict's rates of error, simulated: how often each word is said where the truth is known."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pdebridge.paper.published import PublishedNumber
from pdebridge.paper.tables import markdown
from pdebridge.paper.verdict import VERDICTS, WIDEST, difference, interval, judge

DRAWS = 2000
SEEDS = (3, 5)


@dataclass(frozen=True)
class Case:
    """A truth, in thresholds: our mean less theirs, the standard deviation of either side's runs, their number."""

    shift: float
    spread: float
    runs: int = 1
    printed: bool = False
    """Whether the source prints its spread."""


CASES = (
    Case(0, 0.1),
    Case(0, 0.5),
    Case(0, 1),
    Case(0, 3),
    Case(1, 0.5),
    Case(-2, 0.1),
    Case(-3, 0.5),
    Case(3, 0.5),
    Case(-6, 0.5),
    Case(0, 0.5, 3, True),
    Case(-3, 0.5, 3, True),
)


ROW = PublishedNumber(
    id="simulated",
    reference="simulated",
    locator="simulated",
    experiment="",
    cell="",
    quantity="test/accuracy",
    value=0,
    unit="%",
    kind="measured",
    direction="higher",
    threshold=1,
    status="confirmed",
    scale="laptop",
)


def rates(case: Case, n: int, draws: int = DRAWS, seed: int = 0) -> dict[str, float]:
    """Return how often each verdict falls on ``n`` normal runs beside a published mean of normal runs."""
    rng = np.random.default_rng(seed)
    theirs = rng.normal(0, case.spread, (draws, case.runs))
    ours = rng.normal(case.shift, case.spread, (draws, n)).tolist()
    spreads = theirs.std(axis=1, ddof=1) if case.printed else np.zeros(draws)
    said = Counter(
        judge(row, difference(row, interval(values)))
        for p, s, values in zip(theirs.mean(axis=1).tolist(), spreads.tolist(), ours, strict=True)
        for row in [ROW.model_copy(update={"value": p, "spread": s or None, "runs": case.runs})]
    )
    return {word: said[word] / draws for word in VERDICTS[:5]}


def characteristics() -> pd.DataFrame:
    """Return the rates in per cent, one row a case and a number of seeds."""
    rows = []
    for case in CASES:
        for n in SEEDS:
            source = f"{case.runs} runs, spread printed" if case.printed else "1 run"
            found = {word: f"{100 * rate:.1f}" for word, rate in rates(case, n).items()}
            rows.append(
                {"difference / τ": f"{case.shift:g}", "σ / τ": f"{case.spread:g}", "source": source, "n": n} | found
            )
    return pd.DataFrame(rows)


def page() -> str:
    """Return the page that prints them."""
    return "\n".join(
        [
            "# What the verdict's words are worth",
            "",
            f"Generated: {DRAWS:,} simulated published numbers a row by the rule of `docs/published-numbers.md`, rates",
            "in per cent. *Difference*: the true one, ours less theirs, higher being better, in thresholds τ;",
            "σ: standard deviation of single runs of either side; *n*: our seeds. *Compatible* says that no difference",
            f"was found and that {WIDEST:g} τ is excluded, no more: beside one published run of σ = τ / 2, three seeds",
            "call a difference of 3 τ so one time in ten.",
            "",
            markdown(characteristics()),
        ]
    )
