"""The table of mean field games over the dimension: costs, penalties, integrator, certificate, time."""

import re
from typing import Any

import pandas as pd

from pdebridge.paper.certificates import BOUND, PROOF, in_words
from pdebridge.paper.measurements import Key

COLUMNS = {
    "cost/L": "L",
    "cost/F": "F",
    "cost/G": "G",
    "cost/total": "L+F+G",
    "cost/total-train-nt": "at the training's nt",
    "hjb/path": "HJB, path",
    "hjb/final": "HJB, final",
    "kl/min": "least KL",
    "refinement/flag": "integrator exploited",
    "certificate/proof": PROOF,
    "certificate/bound": BOUND,
    "certificate/gap": "gap",
    "certificate/error": "standard error of the gap",
    "mesh/error": "above the mesh (%)",
    "cost/running-shift": "F above the mesh's",
    "exact/running-shift": "exact shift of F",
    "error/cost": "error of the cost (%)",
    "error/velocity": "error of the velocity (%)",
    "parameters": "weights",
    "iteration/seconds": "seconds an iteration",
    "seconds": "seconds",
}


def game_table(found: dict[Key, dict[str, Any]]) -> pd.DataFrame:
    """Return one row a cell that has a ``cost/total``, in the order of game and dimension; weighted costs."""
    cells = sorted({key[:2] for key in found if key[2] == "cost/total"}, key=natural)
    return pd.DataFrame([_row(found, cell) for cell in cells], columns=["game", "cell", "seeds", *COLUMNS.values()])


def natural(cell: tuple[str, str]) -> list[tuple[str, int]]:
    """Return a key that sorts ``d10`` after ``d2``."""
    return [(word, int(number or 0)) for word, number in re.findall(r"(\D+)(\d*)", "/".join(cell))]


def _row(found: dict[Key, dict[str, Any]], cell: tuple[str, str]) -> dict[str, str]:
    keys = {heading: (*cell, quantity) for quantity, heading in COLUMNS.items()}
    shown = {heading: in_words(found, key) if key in found else "" for heading, key in keys.items()}
    flags = found.get((*cell, "refinement/flag"))
    shown[COLUMNS["refinement/flag"]] = ("yes" if any(flags["values"]) else "no") if flags else ""
    return {"game": cell[0], "cell": cell[1], "seeds": str(len(found[(*cell, "cost/total")]["values"])), **shown}
