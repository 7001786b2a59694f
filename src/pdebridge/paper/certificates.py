"""Bounds of games in tables: each says whether it is proved or estimated, and one that says nothing is not shown."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from pdebridge.paper.measurements import Key
from pdebridge.paper.tables import mean_and_half_width, plain

LIMIT = 0.05
"""Standard error of a gap, as a share of the cost, beyond which neither gap nor bound says anything."""
BOUND, PROOF = "bound of the optimum", "certified"
"""Headings. An estimate has no other name than its proof gives it."""
KINDS = ("none", "estimated", "proved")
"""The words of ``certificate/proof``, in the order of its numbers (`pdebridge.studies.games.PROOFS`)."""
COUNTED = {"proved": "proved", "estimated": "estimated", "none": "without a bound"}


def in_words(found: dict[Key, dict[str, Any]], key: Key) -> str:
    """Return mean and half-width of a measurement or, of a certificate, what it proves.

    A bound or gap that is not proved is followed by the word; where its standard error is too large it is replaced by
    the reason. The seed with the largest ``certificate/error`` decides.
    """
    experiment, cell, quantity = key
    if quantity == "certificate/proof":
        return proof_of(found, (experiment, cell))
    shown = mean_and_half_width(found[key]["values"])
    if quantity not in ("certificate/bound", "certificate/gap"):
        return shown
    error, cost = (found.get((experiment, cell, name)) for name in ("certificate/error", "cost/total"))
    if error and cost:
        share = max(error["values"]) / min(abs(value) for value in cost["values"])
        if not share <= LIMIT:
            return f"meaningless: standard error {100 * share:.2g} % of the cost"
    kind = proof_of(found, (experiment, cell))
    return shown if kind == "proved" else f"{shown} ({kind})"


def proof_of(found: dict[Key, dict[str, Any]], cell: tuple[str, str]) -> str:
    """Return the word for a cell: that of its weakest seed; what was stored without a word is estimated."""
    proof = found.get((*cell, "certificate/proof"))
    if proof:
        return KINDS[int(min(proof["values"]))]
    return "estimated" if (*cell, "certificate/bound") in found else "none"


def certified_table(found: dict[Key, dict[str, Any]]) -> pd.DataFrame:
    """Return one row a solved game, meshes apart: what is proved, cost, bound, and the gap in per cent of the cost."""
    cells = [key[:2] for key in found if key[2] == "cost/total" and (*key[:2], "parameters") in found]
    return pd.DataFrame(
        [_row(found, cell) for cell in cells], columns=["game", "cell", PROOF, "cost", BOUND, "gap (%)"]
    )


def tally(tables: Iterable[pd.DataFrame]) -> str:
    """Return how many games of some `certified_table` are proved, estimated, or neither, in words."""
    words = [word for table in tables for word in table[PROOF]]
    return f"Of {len(words)} games, " + ", ".join(f"{words.count(kind)} {said}" for kind, said in COUNTED.items())


def _row(found: dict[Key, dict[str, Any]], cell: tuple[str, str]) -> dict[str, str]:
    cost, bound, gap = ((*cell, name) for name in ("cost/total", "certificate/bound", "certificate/gap"))
    mean = sum(found[cost]["values"]) / len(found[cost]["values"])
    largest = plain(round(100 * max(found[gap]["values"]) / abs(mean), 2)) if gap in found and mean else ""
    return {
        "game": cell[0],
        "cell": cell[1],
        PROOF: proof_of(found, cell),
        "cost": in_words(found, cost),
        BOUND: in_words(found, bound) if bound in found else "",
        "gap (%)": largest,
    }
